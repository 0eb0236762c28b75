import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { PlainNode } from '../../support/plain-node.ts';
import { until } from '../../support/until.ts';

describe('the primary', () => {
  it('does not count a worker as serving that has said nothing for a while, and does again when it speaks', async () => {
    await using node = new PlainNode({ unwellTicks: 4 });
    await node.primary.start();
    using _ = node.keepTalking(node.worker(1));
    const reasons = await until(() => node.primary.readiness.reasons.length === 1 && node.primary.readiness.reasons);
    expect(reasons[0]).toMatch(/^worker 1 has said nothing for \d+ s$/);
    expect(node.primary.readiness.ready).toBe(true);
    node.worker(0).report(0);
    expect(node.primary.readiness).toMatchObject({ ready: true, reasons: [] });
  });

  it('is not ready when no worker says anything', async () => {
    await using node = new PlainNode({ unwellTicks: 4 });
    await node.primary.start();
    await until(() => !node.primary.readiness.ready);
    expect(node.primary.readiness.reasons).toHaveLength(2);
    expect(node.workers).toHaveLength(2);
  });

  it('lets a worker accept again that had stepped aside for one that says nothing', async () => {
    await using node = new PlainNode({ unwellTicks: 4 });
    await node.primary.start();
    const [one, two] = [node.worker(0), node.worker(1)];
    two.report(1_000);
    await until(() => two.orders.includes('pause'));
    const talking = setInterval(() => two.report(1_000), 1);
    await until(() => two.orders.at(-1) === 'listen' && two.orders.includes('pause'));
    clearInterval(talking);
    expect(one.orders).toEqual(['start', 'listen']);
  });

  it('lets a worker accept again that had stepped aside, also during the delay of a drain', async () => {
    await using node = new PlainNode({}, { drain: { delay: 600, period: 0 } });
    await node.primary.start();
    const [one, two] = [node.worker(0), node.worker(1)];
    two.report(1_000);
    await until(() => two.orders.at(-1) === 'pause');
    void node.primary.drain();
    await until(() => two.orders.at(-1) === 'drain');
    one.kill();
    await until(() => two.orders.at(-1) === 'listen');
    expect(two.orders).toEqual(['start', 'listen', 'pause', 'drain', 'listen']);
  });

  it('spares a worker that is to drain and listens on another port, as it asked for any when nobody had one', async () => {
    await using node = new PlainNode({}, { drain: { delay: 600, period: 0 } });
    await node.primary.start();
    const [one, two] = [node.worker(0), node.worker(1)];
    void node.primary.drain();
    await until(() => two.orders.at(-1) === 'drain');
    one.say({ type: 'draining', connections: 0 });
    two.say({ type: 'listening', port: 4712 });
    two.report(1);
    await nextTurn();
    expect(node.primary.seats.map(({ state }) => state)).toEqual(['draining', 'listening']);
    expect(node.primary.port).toBe(4711);
  });

  it('replaces a worker that serves and listens on another port', async () => {
    await using node = new PlainNode();
    await node.primary.start();
    node.worker(1).say({ type: 'listening', port: 4712 });
    await until(() => node.workers[2]?.orders.includes('listen'));
    expect(node.primary.port).toBe(4711);
  });

  it('kills and replaces a worker that has said nothing for long, also one that hangs while it starts', async () => {
    await using node = new PlainNode({ unwellTicks: 4, killTicks: 8 });
    await node.primary.start();
    using _ = node.keepTalking(node.worker(1));
    const successor = await until(() => node.workers[2]);
    using __ = node.keepTalking(successor);
    await until(() => node.primary.readiness.reasons.length === 0);
    expect(node.primary.seats.map(({ restarts }) => restarts)).toEqual([1, 0]);
  });

  it('holds its own pauses against nobody', async () => {
    await using node = new PlainNode({ unwellTicks: 10, killTicks: 20 });
    await node.primary.start();
    using _ = node.keepTalking(...node.workers);
    // Nothing in this process goes on meanwhile: many times the 20 ticks.
    for (let pause = 0; pause < 3; pause++) {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(node.primary.readiness).toMatchObject({ ready: true, reasons: [] });
    expect(node.workers).toHaveLength(2);
  });

  it('does not count a worker as serving whose publications do not come back, and says why', async () => {
    await using node = new PlainNode();
    await node.primary.start();
    const [one, two] = [node.worker(0), node.worker(1)];
    one.report(3, 'a publication did not come back within 5000 ms');
    const reason = 'worker 1 gets no publication through the broker: a publication did not come back within 5000 ms';
    expect(node.primary.readiness).toMatchObject({ ready: true, reasons: [reason] });
    two.report(3, 'the pipe to the primary is gone');
    expect(node.primary.readiness).toMatchObject({
      ready: false,
      reasons: [reason, expect.stringMatching(/^worker 2/)],
    });
    one.report(3);
    two.report(3);
    expect(node.primary.readiness).toMatchObject({ ready: true, reasons: [] });
  });

  it('hears of a failing broker between two reports, and of its recovery', async () => {
    await using node = new PlainNode();
    await node.primary.start();
    for (const worker of node.workers) worker.say({ type: 'broker', failure: 'Redis is gone' });
    expect(node.primary.readiness).toMatchObject({
      ready: false,
      reasons: [1, 2].map((number) => `worker ${number} gets no publication through the broker: Redis is gone`),
    });
    node.worker(1).say({ type: 'broker' });
    expect(node.primary.readiness.ready).toBe(true);
  });

  it('keeps the list of nodes that was read last', async () => {
    await using node = new PlainNode();
    await node.primary.start();
    expect(node.primary.nodes).toBeUndefined();
    node.worker(0).say({ type: 'nodes', nodes: [] });
    expect(node.primary.nodes).toEqual({ readAt: expect.any(Number), nodes: [] });
  });
});
