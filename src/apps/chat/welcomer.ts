import type { Position } from '../../broker/broker.ts';
import type { Connection } from '../../gateway/connection.ts';
import type { Subscribed } from '../../gateway/calls.ts';
import type { AppContext } from '../app.ts';
import { nickCharacters, type Member, type WelcomeMessage } from './chat-protocol.ts';
import { RecentReader } from './recent-reader.ts';
import type { RosterReader } from './roster-reader.ts';
import { withFields } from './with-fields.ts';

/** Share of a connection's outbox that what it missed may fill; the rest is for the welcome and what is said meanwhile. */
const replayShare = 0.75;

type Continuation = Pick<WelcomeMessage, 'recovered' | 'reason'>;

/** Gives JSON clients that came into a room what they missed, or else its last messages, and tells them where they are. */
export class Welcomer {
  readonly #context: AppContext;
  readonly #name: string;
  readonly #textBytes: number;
  readonly #roster: RosterReader;
  readonly #recent: RecentReader;

  constructor(context: AppContext, name: string, textBytes: number, roster: RosterReader) {
    this.#context = context;
    this.#name = name;
    this.#textBytes = textBytes;
    this.#roster = roster;
    this.#recent = new RecentReader((query) => context.gateway.history(name, query));
  }

  /**
   * To be called at once when the connection is subscribed: what it missed goes out before the next live message.
   * @param since where the client wants to continue
   */
  async welcome(
    connection: Connection,
    self: Member & { readonly address: string },
    subscribed: Subscribed,
    since: Position | undefined,
  ): Promise<void> {
    const continuation = since === undefined ? {} : this.#continue(connection, subscribed);
    const { position } = subscribed;
    // Read after the subscription is confirmed: whoever comes or goes from here on is in the list, or in an event that
    // this client is sent, or in both. The client applies the events after the list.
    const [roster, recent] = await Promise.all([
      this.#roster.read(),
      position === undefined || continuation.recovered === true ? undefined : this.#recent.read(position),
    ]);
    const { gateway, node } = this.#context;
    const known: Omit<WelcomeMessage, 'history' | 'members' | 'complete'> = {
      type: 'welcome',
      ...self,
      room: this.#name,
      node: node.name,
      worker: node.worker,
      at: new Date().toISOString(),
      ...(position === undefined ? {} : { position }),
      ...continuation,
      limits: { nickCharacters, textBytes: this.#textBytes },
    };
    gateway.send(connection, withFields(known, recent === undefined ? [roster] : [recent, roster]), 'text');
  }

  #continue(connection: Connection, { recovered, reason, publications }: Subscribed): Continuation {
    if (!recovered) return reason === undefined ? { recovered } : { recovered, reason };
    // More than the client can be owed would end its connection, now and at the next attempt.
    const mostBytes = replayShare * connection.limits.outboxBytes;
    const isGiven = this.#context.gateway.replay(connection, publications, mostBytes);
    return isGiven ? { recovered } : { recovered: false, reason: 'too-many' };
  }
}
