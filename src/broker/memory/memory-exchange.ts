import type { PresenceEvent, PresenceMember, PresencePage, Publication } from '../broker.ts';
import { MemberRoster } from './member-roster.ts';
import { SubscriptionTable } from './subscription-table.ts';

/** What the exchange knows of a broker. The methods do not throw. */
export interface ExchangePeer {
  /** The subscription with this ticket takes effect. */
  confirm(names: readonly string[], ticket: number): void;
  receive(publication: Publication): void;
  receivePresence(event: PresenceEvent): void;
}

function isSameMember(a: PresenceMember, b: PresenceMember): boolean {
  return a.user === b.user && a.info === b.info;
}

/**
 * Where the memory brokers of one process meet. Whatever the brokers ask for happens later, in the order in which
 * they asked: one queue, emptied once per turn of the event loop. A turn rather than a microtask, so that publishing
 * from within a delivery cannot keep the process from its sockets.
 */
export class MemoryExchange {
  readonly #subscriptions = new SubscriptionTable<ExchangePeer>();
  readonly #roster = new MemberRoster<ExchangePeer, PresenceMember>(isSameMember, () => 0);
  /** What this turn works off, and how far it has got. */
  #batch: (() => void)[] = [];
  #next = 0;
  /** What has been asked for since. */
  #incoming: (() => void)[] = [];
  #isScheduled = false;
  #isHeld = false;

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
    this.#enqueue(() => {
      for (const peer of this.#subscriptions.of(publication.subscription)) peer.receive(publication);
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
    return new Promise((resolve) => {
      this.#enqueue(() => {
        resolve(this.#roster.page(name, limit, cursor));
        this.#isHeld = true;
      });
    });
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
