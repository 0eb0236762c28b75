import { describe, expect, it } from 'vitest';
import type { NodeFacts, NodeIdentity } from '../../../src/gateway/cluster/node-facts.ts';
import { silentLog } from '../../../src/lib/log.ts';
import { NodeWatch } from '../../../src/server/node-watch.ts';

const identity: NodeIdentity = { name: 'a', instance: 'mine', worker: 1, version: '1.2.3', host: 'here' };

function node(name: string, instance: string, seenAt: number): NodeFacts {
  return { name, instance, host: 'there', seenAt, workers: [] };
}

/** A watch that reads these listings, one after the other. @returns what it warned of */
async function warningsOf(...listings: readonly NodeFacts[][]): Promise<string[]> {
  const warnings: string[] = [];
  const read: unknown[] = [];
  let next = 0;
  const watch = new NodeWatch({
    identity,
    nodes: async () => listings[next++] ?? [],
    read: (nodes) => read.push(nodes),
    log: { ...silentLog, warn: (_, message) => warnings.push(message) },
  });
  for (let reading = 0; reading < listings.length; reading++) await watch.read();
  watch.close();
  expect(read).toEqual(listings);
  return warnings;
}

describe('the watch on the list of nodes', () => {
  it('warns once of another node with the same name that is alive', async () => {
    const mine = node('a', 'mine', 1);
    expect(
      await warningsOf([mine, node('a', 'theirs', 1)], [mine, node('a', 'theirs', 2)], [mine, node('a', 'theirs', 3)]),
    ).toEqual(['another node is called "a" too, on "there": names must be unique in a cluster (configuration: node)']);
  });

  it('takes one that says nothing more for its own predecessor', async () => {
    const listing = [node('a', 'mine', 1), node('a', 'killed', 1)];
    expect(await warningsOf(listing, listing, [node('a', 'mine', 2)])).toEqual([]);
  });

  it('has nothing against other names', async () => {
    expect(await warningsOf([node('b', 'theirs', 1)], [node('b', 'theirs', 2)])).toEqual([]);
  });

  it('lives on when the list cannot be read', async () => {
    const watch = new NodeWatch({
      identity,
      nodes: () => Promise.reject(new Error('Redis is gone')),
      read: () => {},
      log: silentLog,
    });
    await watch.read();
    watch.close();
  });
});
