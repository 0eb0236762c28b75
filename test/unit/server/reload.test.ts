import { describe, expect, it, vi } from 'vitest';
import { loadConfig } from '../../../src/config/load-config.ts';
import { silentLog } from '../../../src/lib/log.ts';
import { Reloader } from '../../../src/server/reload.ts';
import { workerStopMs } from '../../../src/server/worker-deadlines.ts';
import { failureOf } from '../../support/failure-of.ts';
import { PlainNode, plainConfig, type PlainWorker } from '../../support/plain-node.ts';
import { until } from '../../support/until.ts';

/** The next one to start, once it has been told to listen. */
async function successorIn(node: PlainNode, index: number): Promise<PlainWorker> {
  return await until(() => node.workers[index]?.orders.includes('listen') === true && node.worker(index));
}

/** A new worker is well, and the one before it has ended. */
async function takesOver(node: PlainNode, index: number, before: PlainWorker): Promise<void> {
  const successor = await successorIn(node, index);
  successor.report(0);
  await until(() => before.orders.includes('drain'));
  before.end();
}

describe('a reload', () => {
  it('has nobody leave before the successor has reported that it is well', async () => {
    await using node = new PlainNode();
    await node.primary.start();
    const [one, two] = [node.worker(0), node.worker(1)];
    const reloading = node.primary.reload(plainConfig());
    const successor = await successorIn(node, 2);
    successor.report(0, 'no answer');
    one.report(0);
    await new Promise((resolve) => setImmediate(resolve));
    expect(one.orders).toEqual(['start', 'listen']);
    await takesOver(node, 2, one);
    await takesOver(node, 3, two);
    await reloading;
    expect(node.primary.seats).toHaveLength(2);
  });

  it('fails where a successor ends soon after it listens, and nothing has changed', async () => {
    await using node = new PlainNode();
    await node.primary.start();
    const before = node.primary.config;
    const reloading = failureOf(node.primary.reload(plainConfig({ closeTimeoutMs: 1 })), Error);
    (await successorIn(node, 2)).kill();
    expect(await reloading).toMatchObject({
      code: 'START_FAILED',
      message: 'worker 1 could not be replaced: its process ended: signal SIGKILL; 0 of 2 were replaced',
    });
    expect(node.worker(0).orders).toEqual(['start', 'listen']);
    expect(node.primary.config).toBe(before);
  });

  it('has nobody step aside for a successor that may not stay', async () => {
    await using node = new PlainNode();
    await node.primary.start();
    const [one, two] = [node.worker(0), node.worker(1)];
    for (const worker of [one, two]) worker.report(500);
    // It stepped aside for the moment in which the other had said nothing yet.
    const settled = ['start', 'listen', 'pause', 'listen'];
    await until(() => one.orders.length === settled.length);
    const reloading = failureOf(node.primary.reload(plainConfig()), Error);
    const successor = await successorIn(node, 2);
    for (const worker of [one, two]) worker.report(500);
    await new Promise((resolve) => setImmediate(resolve));
    expect([one.orders, two.orders]).toEqual([settled, ['start', 'listen']]);
    successor.kill();
    await reloading;
  });

  it.each([
    ['has ended', 'is restarting', (worker: PlainWorker) => worker.kill()],
    [
      'is ill',
      'gets no publication through the broker: no answer',
      (worker: PlainWorker) => worker.report(0, 'no answer'),
    ],
  ])('stops where a successor %s when the old worker is gone', async (_, why, falls) => {
    await using node = new PlainNode();
    await node.primary.start();
    const config = plainConfig();
    const reloading = failureOf(node.primary.reload(config), Error);
    const successor = await successorIn(node, 2);
    successor.report(0);
    await until(() => node.worker(0).orders.includes('drain'));
    // The next one comes as late as it may: 200 ms from now, and not before anybody has looked.
    using _random = vi.spyOn(Math, 'random').mockReturnValue(0.999);
    falls(successor);
    await until(() => node.primary.readiness.reasons.length === 2, { everyMs: 1 });
    node.worker(0).end();
    expect(await reloading).toMatchObject({ message: `the new worker 1 ${why}; 1 of 2 were replaced` });
    expect(node.worker(1).orders).not.toContain('drain');
    expect(node.primary.config).toBe(config);
  });

  it('leaves every worker the time to stop that its own configuration gives it', async () => {
    await using node = new PlainNode({}, { closeTimeoutMs: 30_000 });
    await node.primary.start();
    const { config } = node.primary;
    const reloading = failureOf(node.primary.reload(plainConfig({ closeTimeoutMs: 1 })), Error);
    await takesOver(node, 2, node.worker(0));
    (await successorIn(node, 3)).kill();
    expect(await reloading).toMatchObject({ message: expect.stringMatching(/; 1 of 2 were replaced$/) });
    expect(node.primary.stopMs).toBe(workerStopMs(config));
  });

  it('gives way to a drain, in which a successor that listens takes leave of its clients too', async () => {
    await using node = new PlainNode({}, { drain: { delay: 0, period: 600 } });
    await node.primary.start();
    const reloading = failureOf(node.primary.reload(plainConfig()), Error);
    const successor = await successorIn(node, 2);
    void node.primary.drain();
    expect(await reloading).toMatchObject({ code: 'START_INTERRUPTED' });
    await until(() => successor.orders.at(-1) === 'drain');
  });

  it('is given up, and has not failed, where the node drains while an old worker leaves', async () => {
    await using node = new PlainNode({}, { drain: { delay: 0, period: 600 } });
    await node.primary.start();
    const reloading = failureOf(node.primary.reload(plainConfig()), Error);
    const successor = await successorIn(node, 2);
    successor.report(0);
    await until(() => node.worker(0).orders.includes('drain'));
    void node.primary.drain();
    await until(() => successor.orders.at(-1) === 'drain');
    node.worker(0).end();
    expect(await reloading).toMatchObject({ code: 'START_INTERRUPTED' });
  });

  it('switches a severity back that a reload has switched which failed', async () => {
    await using node = new PlainNode({}, withDebug(false));
    await node.primary.start();
    const { counts } = node.primary;
    let isOn = true;
    const reloader = new Reloader({
      primary: node.primary,
      load: () => plainConfig(withDebug(isOn)),
      severities: node.severities,
      log: silentLog,
    });
    reloader.request();
    (await successorIn(node, 2)).kill();
    await until(() => counts.reloads.failed === 1);
    expect(node.severities.state.debug).toBe(true);
    isOn = false;
    reloader.request();
    (await successorIn(node, 3)).kill();
    await until(() => counts.reloads.failed === 2);
    expect(node.severities.state.debug).toBe(false);
  });
});

function withDebug(debug: boolean): Pick<ReturnType<typeof plainConfig>, 'log'> {
  const { log } = loadConfig({ cwd: '/' }).config;
  return { log: { ...log, severities: { debug } } };
}
