import type {
  HistoryPage,
  HistoryQuery,
  Position,
  PresenceEvent,
  PresenceMember,
  PresencePage,
  PresenceStats,
  Publication,
  PublishOptions,
} from '../broker.ts';
import { standaloneCopy } from '../../lib/standalone-copy.ts';
import { HistoryStore, type HistoryStoreOptions } from './history-store.ts';
import { MemberRoster, type MemberForm } from './member-roster.ts';
import { SubscriptionTable } from './subscription-table.ts';

/** What the exchange knows of a broker. The methods do not throw. */
export interface ExchangePeer {
  /** The subscription with this ticket takes effect. */
  confirm(names: readonly string[], ticket: number): void;
  receive(publication: Publication): void;
  receivePresence(event: PresenceEvent): void;
}

const memberForm: MemberForm<PresenceMember> = {
  isSame: (a, b) => a.user === b.user && a.info === b.info,
  bytesOf: () => 0,
  userOf: ({ user }) => user,
};

function bytesOf({ data, exclude, info = '' }: Publication): number {
  return exclude.reduce((sum, id) => sum + 2 * id.length, data.length + 2 * info.length);
}

/**
 * Where the memory brokers of one process meet. Whatever the brokers ask for happens later, in the order in which
 * they asked: one queue, emptied once per turn of the event loop. A turn rather than a microtask, so that publishing
 * from within a delivery cannot keep the process from its sockets.
 */
export class MemoryExchange {
  readonly #subscriptions = new SubscriptionTable<ExchangePeer>();
  readonly #roster = new MemberRoster<ExchangePeer, PresenceMember>(memberForm);
  readonly #history: HistoryStore<Publication>;
  /** What this turn works off, and how far it has got. */
  #batch: (() => void)[] = [];
  #next = 0;
  /** What has been asked for since. */
  #incoming: (() => void)[] = [];
  #isScheduled = false;
  #isHeld = false;

  constructor(options: Partial<HistoryStoreOptions> = {}) {
    this.#history = new HistoryStore(bytesOf, options);
  }

  /** Ends the timer of the histories. To be called when no broker comes any more. */
  close(): void {
    this.#history.close();
  }

  subscribe(names: readonly string[], peer: ExchangePeer, ticket: number): void {
    this.#enqueue(() => {
      for (const name of names) this.#subscriptions.add(name, peer);
      peer.confirm(names, ticket);
    });
  }

  unsubscribe(names: readonly string[], peer: ExchangePeer): void {
    this.#enqueue(() => {
      for (const name of names) this.#subscriptions.remove(name, peer);
    });
  }

  publish(publication: Publication): void {
    this.#enqueue(() => this.#deliver(publication));
  }

  /** The same for a publication that is kept or has an id; answers when it has been carried out. */
  accept(publication: Publication, options: PublishOptions): Promise<Position | undefined> {
    return new Promise((resolve) => {
      this.#enqueue(() => {
        const { position, entry } = this.#history.accept(publication.subscription, options, (kept) =>
          kept === undefined ? publication : { ...publication, data: standaloneCopy(publication.data), position: kept },
        );
        resolve(position);
        if (entry !== undefined) this.#deliver(entry);
      });
    });
  }

  read(name: string, query: HistoryQuery): Promise<HistoryPage> {
    return this.#answer(() => {
      const { entries, position, lost } = this.#history.read(name, query);
      return { publications: entries, position, ...(lost === undefined ? undefined : { lost }) };
    });
  }

  enter(name: string, member: PresenceMember, peer: ExchangePeer): void {
    this.#enqueue(() => {
      const type = this.#roster.enter(name, member.connectionId, member, peer);
      if (type !== undefined) this.#tell({ subscription: name, type, member });
    });
  }

  leave(name: string, connectionId: string): void {
    this.#enqueue(() => {
      const member = this.#roster.leave(name, connectionId);
      if (member !== undefined) this.#tell({ subscription: name, type: 'leave', member });
    });
  }

  members(name: string, limit: number, cursor: string): Promise<PresencePage> {
    return this.#answer(() => this.#roster.page(name, limit, cursor));
  }

  stats(name: string): Promise<PresenceStats> {
    return this.#answer(() => this.#roster.stats(name));
  }

  /** The peer is gone: it gets nothing more, and its members leave. */
  remove(peer: ExchangePeer): void {
    this.#enqueue(() => {
      this.#subscriptions.removePeer(peer);
      for (const { name, member } of this.#roster.removeOwner(peer)) {
        this.#tell({ subscription: name, type: 'leave', member });
      }
    });
  }

  /** Whoever awaits the answer goes on before anything else is handed over. */
  #answer<Answer>(make: () => Answer): Promise<Answer> {
    return new Promise((resolve) => {
      this.#enqueue(() => {
        resolve(make());
        this.#isHeld = true;
      });
    });
  }

  #deliver(publication: Publication): void {
    for (const peer of this.#subscriptions.of(publication.subscription)) peer.receive(publication);
  }

  #tell(event: PresenceEvent): void {
    for (const peer of this.#subscriptions.of(event.subscription)) peer.receivePresence(event);
  }

  #enqueue(task: () => void): void {
    this.#incoming.push(task);
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(this.#drain);
  }

  readonly #drain = (): void => {
    if (this.#next === this.#batch.length) {
      this.#batch = this.#incoming;
      this.#incoming = [];
      this.#next = 0;
    }
    try {
      while (this.#next < this.#batch.length && !this.#isHeld) this.#batch[this.#next++]?.();
    } finally {
      if (this.#next < this.#batch.length) {
        // After an answer, whoever awaits it goes on before the next event: a tick that is queued by a microtask runs
        // when no microtask is left. (Or a sink has thrown, and the rest must not be lost with it.)
        this.#isHeld = false;
        queueMicrotask(() => process.nextTick(this.#drain));
      } else {
        this.#isHeld = false;
        this.#batch = [];
        this.#next = 0;
        this.#isScheduled = this.#incoming.length > 0;
        if (this.#isScheduled) setImmediate(this.#drain);
      }
    }
  };
}
