import { IncomingMessage } from 'node:http';
import type { UpgradeEntry } from './upgrade-entry.ts';

/**
 * A request of the listener. It carries what the access log has to know of it: tables of requests on the side would
 * have to be cleared at every garbage collection.
 */
export class ListenerRequest extends IncomingMessage {
  /** Of a handshake. */
  upgradeEntry: UpgradeEntry | undefined;
  /** Who made it, where somebody asked. */
  user: string | undefined;
}
