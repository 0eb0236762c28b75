import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  describeWorker,
  nodesOf,
  type NodeIdentity,
  type NodeWorkerFacts,
} from '../../src/gateway/cluster/node-facts.ts';
import { Severities } from '../../src/lib/severities.ts';

const severities = new Severities({ debug: true }).state;
const facts = { pid: 4711, startedAt: 10, seenAt: 20, connections: 3, subscriptions: 2, severities };

function member(name: string, instance: string, worker: number, changes: Partial<NodeWorkerFacts> = {}) {
  const identity: NodeIdentity = { name, instance, worker, version: '1.2.3', host: 'h', operations: 'http://h:9080' };
  return describeWorker(`${instance}.${worker}`, identity, { worker, ...facts, ...changes });
}

describe('the list of nodes', () => {
  it('groups workers by their node, which was seen when the last of them was', () => {
    const nodes = nodesOf([member('b', 'y', 1), member('a', 'x', 2, { seenAt: 30 }), member('a', 'x', 1)]);
    expect(nodes).toEqual([
      {
        name: 'a',
        instance: 'x',
        host: 'h',
        operations: 'http://h:9080',
        seenAt: 30,
        workers: [
          { worker: 1, version: '1.2.3', ...facts },
          { worker: 2, version: '1.2.3', ...facts, seenAt: 30 },
        ],
      },
      expect.objectContaining({ name: 'b', seenAt: 20 }),
    ]);
  });

  it('forgets a worker that was killed when it has a successor', () => {
    const killed = member('a', 'x', 1, { pid: 1, startedAt: 10, seenAt: 11 });
    const successor = member('a', 'x', 1, { pid: 2, startedAt: 12, seenAt: 12 });
    const [node] = nodesOf([successor, member('a', 'x', 2), killed]);
    expect(node?.workers.map(({ worker, pid }) => [worker, pid])).toEqual([
      [1, 2],
      [2, 4711],
    ]);
  });

  it('keeps a worker that drains beside its successor', () => {
    const leaving = member('a', 'x', 1, { pid: 1, startedAt: 10, draining: true });
    const successor = member('a', 'x', 1, { pid: 2, startedAt: 12 });
    const [node] = nodesOf([successor, leaving]);
    expect(node?.workers.map(({ worker, pid, draining }) => [worker, pid, draining])).toEqual([
      [1, 1, true],
      [1, 2, undefined],
    ]);
  });

  it('keeps two nodes apart that were given the same name', () => {
    expect(nodesOf([member('a', 'x', 1), member('a', 'y', 1)]).map(({ instance }) => instance)).toEqual(['x', 'y']);
  });

  it('leaves out whatever else is in the directory', () => {
    fc.assert(
      fc.property(fc.option(fc.string(), { nil: undefined }), fc.oneof(fc.string(), fc.json()), (user, info) => {
        const odd = { connectionId: 'odd', ...(user === undefined ? {} : { user }), info };
        expect(nodesOf([odd, member('a', 'x', 1)])).toEqual(nodesOf([member('a', 'x', 1)]));
      }),
    );
  });

  it('takes severities that another version does not know for off', () => {
    const { info = '', ...rest } = member('a', 'x', 1);
    const other = { ...(JSON.parse(info) as object), severities: { error: true, 'carillon:later': true } };
    const [node] = nodesOf([{ ...rest, info: JSON.stringify(other) }]);
    expect(node?.workers[0]?.severities).toEqual({
      ...Object.fromEntries(Object.keys(severities).map((name) => [name, false])),
      error: true,
    });
  });
});
