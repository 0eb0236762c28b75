import { reservedPrefix, type Broker, type PresenceCapability } from '../../broker/broker.ts';
import type { Log } from '../../lib/log.ts';
import type { Counts } from '../../metrics/counts.ts';
import { replaced, tooManyOfUser } from '../close-codes.ts';
import type { Connection } from '../connection.ts';
import { CapabilityError } from '../errors.ts';
import type { UserCapOptions } from '../gateway-options.ts';
import type { DisconnectOptions } from './cluster-control.ts';
import type { DisconnectTarget } from './control-messages.ts';

/** Members a page of the listing. */
const pageMembers = 1_000;

export interface UserCapParts {
  readonly options: UserCapOptions;
  readonly presence: PresenceCapability;
  readonly disconnect: (target: DisconnectTarget, options: DisconnectOptions) => Promise<void>;
  readonly counts: Counts;
  readonly log: Log;
}

/**
 * Holds each authenticated user to so many connections in the whole cluster. All connections of a user are present in a
 * subscription of the gateway's own; who came when is the order of its members, which is the same for all who read it.
 * So of two that come at once exactly one is too many, whichever nodes they are on and whatever their clocks say, and
 * what a dead worker had expires with its other members.
 */
export class UserCap {
  readonly #parts: UserCapParts;

  constructor(parts: UserCapParts) {
    this.#parts = parts;
  }

  /** A connection has been made. Nobody waits for the answer: it is open, and is closed again where it is too many. */
  opened(connection: Connection): void {
    const { identity } = connection;
    if (identity === undefined) return;
    this.#check(connection, identity.user).catch((error: unknown) =>
      this.#parts.log.warn(
        { event: 'user-cap-failed', connection: connection.id, err: error },
        'connections of a user could not be counted, so accept.perUser does not hold for one that has come',
      ),
    );
  }

  /** It begins to close. */
  left(connection: Connection): void {
    const { identity } = connection;
    if (identity === undefined) return;
    // A broker that is unavailable or closed needs no farewell: its members expire.
    this.#parts.presence.leave(nameOf(identity.user), connection.id).catch(() => {});
  }

  async #check(connection: Connection, user: string): Promise<void> {
    const { presence, options } = this.#parts;
    await presence.enter(nameOf(user), { connectionId: connection.id, user });
    if (!connection.open) return;
    if (options.excess === 'reject') await this.#reject(connection, user);
    else await this.#closeOldest(user);
  }

  async #reject(connection: Connection, user: string): Promise<void> {
    const { options, counts } = this.#parts;
    const most = options.connections;
    const first = await this.#members(user, most);
    // With fewer there is room, even where the broker has just forgotten everybody.
    if (first.length < most || first.includes(connection.id) || !connection.open) return;
    counts.countLimit('user-connections');
    connection.close(tooManyOfUser, `this user has ${most} connections already (accept.perUser)`);
  }

  async #closeOldest(user: string): Promise<void> {
    const { options, disconnect } = this.#parts;
    const most = options.connections;
    const members = await this.#members(user, Number.POSITIVE_INFINITY);
    const reason = `the oldest of more than ${most} connections of this user (accept.perUser)`;
    for (const connection of members.slice(0, -most)) await disconnect({ connection }, { code: replaced, reason });
  }

  /** Ids of the user's connections, the oldest first. */
  async #members(user: string, most: number): Promise<readonly string[]> {
    const ids: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await this.#parts.presence.members(nameOf(user), Math.min(most - ids.length, pageMembers), cursor);
      for (const { connectionId } of page.members) ids.push(connectionId);
      cursor = page.cursor;
    } while (cursor !== undefined && ids.length < most);
    return ids;
  }
}

/** @throws CapabilityError when the broker cannot do what the cap needs */
export function checkUserCap(options: UserCapOptions | undefined, broker: Broker): void {
  if (options === undefined || options.connections === 0) return;
  if (broker.presence === undefined)
    throw new CapabilityError('presence', 'accept.perUser needs presence, which the broker in use does not offer');
  if (options.excess === 'close-oldest' && broker.control === undefined)
    throw new CapabilityError(
      'control messages',
      'accept.perUser with "close-oldest" needs control messages, which the broker in use does not offer',
    );
}

function nameOf(user: string): string {
  return `${reservedPrefix}user:${user}`;
}
