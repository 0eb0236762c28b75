import type { Redis } from 'ioredis';
import { slotCount } from './redis-slot.ts';

/** Which primary serves which slot, as one node of the cluster sees it. */
export interface ClusterView {
  /** `host:port` by slot; undefined: nobody serves it. */
  readonly primaries: readonly (string | undefined)[];
  /** The higher, the newer; a node that is cut off from the majority stays behind. */
  readonly epoch: number;
}

/**
 * Asks one node for its view.
 * @param askedHost stands for a node that does not know its own address
 * @throws ioredis' errors
 */
export async function readClusterView(client: Redis, askedHost: string): Promise<ClusterView> {
  const [info, slots] = await Promise.all([client.call('CLUSTER', 'INFO'), client.call('CLUSTER', 'SLOTS')]);
  const primaries = Array.from<string | undefined>({ length: slotCount });
  for (const range of Array.isArray(slots) ? (slots as unknown[]) : []) {
    const [start, end, primary] = Array.isArray(range) ? (range as unknown[]) : [];
    if (typeof start !== 'number' || typeof end !== 'number' || !Array.isArray(primary)) continue;
    const [host, port] = primary as unknown[];
    if (typeof port !== 'number') continue;
    const address = `${typeof host === 'string' && host !== '' ? host : askedHost}:${port}`;
    primaries.fill(address, start, end + 1);
  }
  const epoch = typeof info === 'string' ? /cluster_current_epoch:(\d+)/.exec(info)?.[1] : undefined;
  return { primaries, epoch: Number(epoch ?? 0) };
}

/** Of the addresses in MOVED, ASK and CLUSTER SLOTS; IPv6 ones have no brackets there. */
export function parseClusterAddress(address: string, askedHost: string): { host: string; port: number } {
  const colon = address.lastIndexOf(':');
  return { host: address.slice(0, colon) || askedHost, port: Number(address.slice(colon + 1)) };
}
