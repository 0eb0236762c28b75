import type { Duplex } from 'node:stream';
import { standaloneCopy } from '../../lib/standalone-copy.ts';
import { HistoryStore, type HistoryStoreOptions } from '../memory/history-store.ts';
import { MemberRoster } from '../memory/member-roster.ts';
import { SubscriptionTable } from '../memory/subscription-table.ts';
import { readKeep, readReadRequest } from './history-codec.ts';
import { memberForm } from './member-codec.ts';
import { headerBytes, MalformedRecordError, recordType } from './record.ts';
import { RecordCursor } from './record-cursor.ts';
import { SwitchPeer, type SwitchPeerListener } from './switch-peer.ts';

export interface IpcSwitchOptions extends HistoryStoreOptions {
  /**
   * Most bytes that may wait for one worker; above it the worker misses publications and its requests wait, until it
   * has read what waits; then it is told what it missed. One publication and one answer may exceed it. Default 64 MiB.
   */
  readonly backlogBytes: number;
}

/** Counts since the start, and what is there now. */
export interface IpcSwitchStats {
  /** Workers attached now. */
  readonly workers: number;
  /** Names with a subscribed worker now. */
  readonly subscriptions: number;
  /** Members of all subscriptions now. */
  readonly members: number;
  /** Bytes that wait for workers now. */
  readonly backlogBytes: number;
  /** Names whose position in their history is known now. */
  readonly historyNames: number;
  /** Publications in all histories now. Those that have expired go within some seconds. */
  readonly historyEntries: number;
  /** What all histories take now, about. */
  readonly historyBytes: number;
  /** Ids of publications that are remembered now. */
  readonly recentIds: number;
  /** Publications that histories gave up before their time because all came to more than the cap. */
  readonly evicted: number;
  /** Publications received from workers. */
  readonly publications: number;
  /** Publications and events of presence passed on; one received may be passed on to several workers, or to none. */
  readonly forwarded: number;
  /** Publications and events of presence that a worker did not get because it was behind. */
  readonly missed: number;
  /** How often a worker caught up and was told what it may have missed. */
  readonly gaps: number;
  /** Pipes ended because of what came over them. */
  readonly malformed: number;
}

const eventTypes = { join: recordType.joined, update: recordType.updated } as const;

/**
 * The primary's part of the embedded broker: gives each publication to the workers that are subscribed to it, and
 * knows who is present. It works on one record after the other, so that all workers see one order. What a
 * publication holds beside its name it never looks at.
 */
export class IpcSwitch {
  readonly #backlogCapBytes: number;
  readonly #peers = new Set<SwitchPeer>();
  readonly #subscriptions = new SubscriptionTable<SwitchPeer>();
  /** Members as the bytes that the worker sent, see member-codec.ts. */
  readonly #roster = new MemberRoster<SwitchPeer, Buffer>(memberForm);
  /** Publications as the bytes that the worker sent after the name, see publication-codec.ts. */
  readonly #history: HistoryStore<Buffer>;
  readonly #listener: SwitchPeerListener;
  #publications = 0;
  #forwarded = 0;
  #missed = 0;
  #gaps = 0;
  #malformed = 0;

  constructor({ backlogBytes = 64 * 1024 * 1024, ...history }: Partial<IpcSwitchOptions> = {}) {
    this.#backlogCapBytes = backlogBytes;
    this.#history = new HistoryStore((content) => content.length, history);
    this.#listener = {
      onRequest: (peer, type, chunk, start, end) => this.#onRequest(peer, type, chunk, start, end),
      onGap: () => void this.#gaps++,
      onMalformed: () => void this.#malformed++,
      onGone: (peer) => this.#onGone(peer),
    };
  }

  get stats(): IpcSwitchStats {
    let backlogBytes = 0;
    for (const peer of this.#peers) backlogBytes += peer.backlogBytes;
    const history = this.#history.stats;
    return {
      workers: this.#peers.size,
      subscriptions: this.#subscriptions.size,
      members: this.#roster.size,
      backlogBytes,
      historyNames: history.names,
      historyEntries: history.entries,
      historyBytes: history.bytes,
      recentIds: history.ids,
      evicted: history.evicted,
      publications: this.#publications,
      forwarded: this.#forwarded,
      missed: this.#missed,
      gaps: this.#gaps,
      malformed: this.#malformed,
    };
  }

  /** Takes over the pipe of a worker until it ends; what its worker subscribed to and who was present end with it. */
  attach(stream: Duplex): void {
    this.#peers.add(new SwitchPeer(stream, this.#backlogCapBytes, this.#listener));
  }

  /** Ends all pipes at once. */
  close(): void {
    this.#history.close();
    for (const peer of this.#peers) peer.destroy();
  }

  #onRequest(peer: SwitchPeer, type: number, chunk: Buffer, start: number, end: number): void {
    const cursor = new RecordCursor(chunk, start + headerBytes, end);
    switch (type) {
      case recordType.publication:
        this.#publications++;
        this.#forward(cursor.string(), chunk, start, end);
        peer.accept();
        return;
      case recordType.keep:
        this.#publications++;
        this.#keep(peer, cursor);
        return;
      case recordType.read: {
        const { name, query } = readReadRequest(cursor);
        peer.answerHistory(this.#history.read(name, query), query.reverse === true);
        return;
      }
      case recordType.subscribe:
        for (const name of cursor.strings()) this.#subscriptions.add(name, peer);
        peer.acceptNow();
        return;
      case recordType.unsubscribe:
        for (const name of cursor.strings()) this.#subscriptions.remove(name, peer);
        peer.accept();
        return;
      case recordType.enter:
        this.#enter(peer, cursor);
        peer.accept();
        return;
      case recordType.leave:
        this.#leave(cursor);
        peer.accept();
        return;
      case recordType.members: {
        const name = cursor.string();
        const limit = cursor.u32();
        const after = cursor.string();
        cursor.finish();
        peer.answerPage(this.#roster.page(name, limit, after));
        return;
      }
      case recordType.countMembers: {
        const name = cursor.string();
        cursor.finish();
        peer.answerStats(this.#roster.stats(name));
        return;
      }
      default:
        throw new MalformedRecordError(`a worker sent a record of type ${type}`);
    }
  }

  #forward(name: string, chunk: Buffer, start: number, end: number): void {
    for (const peer of this.#subscriptions.of(name)) {
      if (peer.forward(name, chunk, start, end)) this.#forwarded++;
      else this.#missed++;
    }
  }

  #keep(peer: SwitchPeer, cursor: RecordCursor): void {
    const { options, name, content } = readKeep(cursor);
    const { position, entry } = this.#history.accept(name, options, (kept) =>
      kept === undefined ? content : standaloneCopy(content),
    );
    if (entry !== undefined) {
      for (const subscriber of this.#subscriptions.of(name)) {
        if (subscriber.publish(name, entry, position)) this.#forwarded++;
        else this.#missed++;
      }
    }
    if (position === undefined) peer.accept();
    else peer.answerKept(position);
  }

  #enter(peer: SwitchPeer, cursor: RecordCursor): void {
    const name = cursor.string();
    // Kept for as long as the member stays, so not as a slice.
    const member = Buffer.from(cursor.rest());
    const connectionId = new RecordCursor(member, 0, member.length).string();
    const type = this.#roster.enter(name, connectionId, member, peer);
    if (type !== undefined) this.#tell(eventTypes[type], name, member);
  }

  #leave(cursor: RecordCursor): void {
    const name = cursor.string();
    const connectionId = cursor.string();
    cursor.finish();
    const member = this.#roster.leave(name, connectionId);
    if (member !== undefined) this.#tell(recordType.left, name, member);
  }

  #tell(type: number, name: string, member: Buffer): void {
    for (const peer of this.#subscriptions.of(name)) {
      if (peer.tell(type, name, member)) this.#forwarded++;
      else this.#missed++;
    }
  }

  #onGone(peer: SwitchPeer): void {
    this.#peers.delete(peer);
    this.#subscriptions.removePeer(peer);
    for (const { name, member } of this.#roster.removeOwner(peer)) this.#tell(recordType.left, name, member);
  }
}
