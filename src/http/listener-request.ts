import { IncomingMessage } from 'node:http';
import type { UpgradeEntry } from './upgrade-entry.ts';

/**
 * A request of the listener. It carries what the access log has to know of it: tables of requests on the side would
 * have to be cleared at every garbage collection.
 */
export class ListenerRequest extends IncomingMessage {
  /** Cluster-unique, given when the request comes in; a WebSocket connection keeps it as its own. */
  id = '';
  /** Set when the request comes in: a closed socket has no address any more. */
  clientAddress = '';
  /** Of a handshake. */
  upgradeEntry: UpgradeEntry | undefined;
  /** Who made it, where somebody asked. */
  user: string | undefined;
}

/** Empty for a request that is not of a listener of ours. */
export function requestIdOf(request: IncomingMessage): string {
  return request instanceof ListenerRequest ? request.id : '';
}
