import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { numbered } from '../support/log-lines.ts';
import { LogViewClient } from '../support/log-view-client.ts';
import { LogNodes } from '../support/start-log-nodes.ts';
import { startRedis, type RedisServer } from '../support/start-redis.ts';
import { TestClient } from '../support/test-client.ts';
import { until } from '../support/until.ts';

const written = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join('');

/** The numbers of lines such as "a 000017". */
const numbersOf = (lines: readonly string[]): number[] => lines.map((line) => Number(line.split(' ')[1]));

/** Without a gap, a duplicate or a change of order. */
function expectRow(lines: readonly string[]): void {
  const numbers = numbersOf(lines);
  const first = numbers[0] ?? 0;
  expect(numbers).toEqual(numbers.map((_, i) => first + i));
}

/** Appends a line to the log of both nodes every few milliseconds until it is stopped. */
function startWriting(nodes: LogNodes, from: number): { readonly written: number; stop(): void } {
  let count = from;
  const timer = setInterval(() => {
    nodes.append(1, `a ${count}\n`);
    nodes.append(2, `b ${count}\n`);
    count++;
  }, 4);
  return {
    get written() {
      return count;
    },
    stop: () => clearInterval(timer),
  };
}

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis[Symbol.asyncDispose]());

describe('log-view on nodes of one Redis', () => {
  it('begins with the last lines of every node, also those from before the nodes began', async () => {
    const prefix = { channelPrefix: 'begin:', keyPrefix: 'begin:' };
    await using nodes = await LogNodes.start(redis, {
      logs: [written(numbered(300, 0, 'a')), written(numbered(300, 0, 'b'))],
      redis: prefix,
    });
    await using viewer = await LogViewClient.open(nodes.socketUrl(2));
    const opened = await viewer.of('opened');
    expect(opened).toMatchObject({ log: 'app', backlog: 200, position: { offset: expect.any(Number) } });
    expect(opened.absent).toBeUndefined();
    await until(() => viewer.lines.length === 200);
    expect(viewer.linesOf('node-1')).toEqual(numbered(100, 200, 'a'));
    expect(viewer.linesOf('node-2')).toEqual(numbered(100, 200, 'b'));
    expect(viewer.all('lines').every(({ backlog }) => backlog === true)).toBe(true);

    nodes.append(1, written(numbered(10, 300, 'a')));
    await until(() => viewer.linesOf('node-1').length === 110);
    // What is in no record yet, and what is in one; plain clients are given it too.
    for (let round = 0; round < 2; round++) {
      await using other = await LogViewClient.open(nodes.socketUrl(2));
      expect(await other.of('opened')).toMatchObject({ backlog: 200 });
      await until(() => other.lines.length >= 200);
      expect(other.linesOf('node-1')).toEqual(numbered(100, 210, 'a'));
      await until(async () => (await redis.admin.keys('begin:*log-record*')).length >= 2);
    }
    await using plain = await TestClient.open(nodes.socketUrl(2));
    const first = (await plain.take(2)).flatMap((message) => message.toString().split('\n'));
    expect(first).toEqual(numbered(100, 210, 'a').map((line) => `node-1: ${line}`));

    expect(await viewer.of('nodes')).toBeDefined();
    await until(
      () =>
        viewer
          .all('nodes')
          .at(-1)
          ?.nodes.map(({ name }) => name)
          .join() === 'node-1,node-2',
    );
    await nodes.node(1).stop();
    await until(
      () =>
        viewer
          .all('nodes')
          .at(-1)
          ?.nodes.map(({ name }) => name)
          .join() === 'node-2',
      {
        deadlineMs: 20_000,
      },
    );
  });

  it('keeps the last lines of a quiet node, however much another one writes', async () => {
    const prefix = { channelPrefix: 'quiet:', keyPrefix: 'quiet:' };
    await using nodes = await LogNodes.start(redis, { logs: [written(numbered(20, 0, 'a')), ''], redis: prefix });
    nodes.append(1, written(numbered(5, 20, 'a')));
    await using witness = await LogViewClient.open(nodes.socketUrl(2));
    await until(() => witness.linesOf('node-1').length === 25);
    const long = 'x'.repeat(1_000);
    const batches = 450;
    for (let i = 0; i < batches; i++) nodes.append(2, written(numbered(65, 65 * i, 'b').map((b) => `${b} ${long}`)));
    await until(() => witness.linesOf('node-2').length === 65 * batches, { deadlineMs: 40_000 });
    const keys = await redis.admin.keys('quiet:*');
    const types = await Promise.all(keys.map((key) => redis.admin.type(key)));
    const streams = keys.filter((_, i) => types[i] === 'stream');
    expect(Math.max(...(await Promise.all(streams.map((key) => redis.admin.xlen(key)))))).toBe(400);
    const sizes = await Promise.all(streams.map((key) => redis.admin.memory('USAGE', key, 'SAMPLES', 0)));
    expect(Math.max(...sizes.map(Number))).toBeLessThan(32 * 1024 * 1024);
    await using viewer = await LogViewClient.open(nodes.socketUrl(2));
    await until(() => viewer.linesOf('node-1').length === 25 && viewer.linesOf('node-2').length === 100);
    expect(viewer.linesOf('node-1')).toEqual(numbered(25, 0, 'a'));
    expectRow(viewer.linesOf('node-2'));
    // On the other node the busy one's lines are read back from the history.
    await using there = await LogViewClient.open(nodes.socketUrl(1));
    await until(() => there.lines.length === 125);
    expectRow(there.linesOf('node-2'));
    expect(numbersOf(there.linesOf('node-2')).at(-1)).toBe(65 * batches - 1);
  });

  it('joins backlog and live lines of both nodes while both are written and workers are killed', async () => {
    const prefix = { channelPrefix: 'join:', keyPrefix: 'join:' };
    await using nodes = await LogNodes.start(redis, { logs: ['', ''], redis: prefix });
    const writing = startWriting(nodes, 1);
    const viewers: LogViewClient[] = [];
    const open = async (): Promise<void> => {
      // A worker that is being killed refuses or resets connections that come to it.
      for (const number of [1, 2])
        viewers.push(
          await until(() => LogViewClient.open(nodes.socketUrl(number)).catch(() => undefined), {
            deadlineMs: 20_000,
            what: `a viewer on node ${number}`,
          }),
        );
      const goal = writing.written + 150;
      await until(() => writing.written >= goal);
    };
    try {
      await open();
      await open();
      for (const worker of [1, 2]) {
        const before = (await nodes.node(1).readiness()).workers[worker - 1];
        if (before?.pid === undefined) throw new Error(`worker ${worker} is not there`);
        // One of the two follows the logs.
        process.kill(before.pid, 'SIGKILL');
        await open();
        const isBack = async (): Promise<boolean> => {
          const { workers, reasons } = await nodes.node(1).readiness();
          return (workers[worker - 1]?.restarts ?? 0) > before.restarts && reasons.length === 0;
        };
        await until(isBack, { deadlineMs: 20_000, what: `worker ${worker} serves again` });
        await open();
      }
    } finally {
      writing.stop();
    }
    nodes.append(1, 'a end\n');
    nodes.append(2, 'b end\n');
    const left = viewers.filter(({ client }) => client.webSocket.readyState === client.webSocket.OPEN);
    expect(left.length).toBeGreaterThanOrEqual(8);
    for (const viewer of left) {
      for (const [node, end] of [
        ['node-1', 'a end'],
        ['node-2', 'b end'],
      ] as const) {
        await until(() => viewer.linesOf(node).at(-1) === end, { deadlineMs: 20_000, what: `${node} at its end` });
        expectRow(viewer.linesOf(node).slice(0, -1));
        expect(viewer.linesOf(node).length).toBeGreaterThan(1);
      }
      expect(viewer.all('gap')).toEqual([]);
    }
    await Promise.all(viewers.map((viewer) => viewer[Symbol.asyncDispose]()));
  });

  it('gives a client that comes back exactly what it missed, on whichever node, also around a killed worker', async () => {
    const prefix = { channelPrefix: 'back:', keyPrefix: 'back:' };
    await using nodes = await LogNodes.start(redis, {
      logs: [written(['a 0']), written(['b 0'])],
      redis: prefix,
    });
    const writing = startWriting(nodes, 1);
    const shown: Record<string, string[]> = { 'node-1': [], 'node-2': [] };
    let since: LogViewClient['position'];
    try {
      for (let round = 0; round < 12; round++) {
        const killed = new Map([
          [4, 1],
          [7, 2],
        ]).get(round);
        if (killed !== undefined)
          process.kill(await until(async () => (await nodes.node(1).workerPids()).get(killed)), 'SIGKILL');
        const url = nodes.socketUrl(1 + (round % 2), '?log=app&wait=1');
        // The other worker may end as well, where it was to listen on any free port just when this one died.
        const comeBack = async (): Promise<LogViewClient | undefined> => {
          const client = await LogViewClient.open(url).catch(() => undefined);
          if (client === undefined) return undefined;
          client.send({ type: 'open', log: 'app', tail: 1_000, ...(since && { since }) });
          const { webSocket } = client.client;
          await until(() => client.all('opened').length > 0 || webSocket.readyState !== webSocket.OPEN);
          return client.all('opened').length > 0 ? client : undefined;
        };
        await using viewer = await until(comeBack, { deadlineMs: 20_000, what: `round ${round} is opened` });
        const opened = await viewer.of('opened');
        expect(opened.recovered).toBe(round === 0 ? undefined : true);
        // Just after the opening, or a while later.
        const goal = writing.written + (round % 3 === 0 ? 0 : 40);
        await until(() => writing.written >= goal && viewer.lines.length > 0, { deadlineMs: 20_000 });
        since = viewer.position;
        // All that has come by now counts, and nothing after it.
        for (const node of ['node-1', 'node-2']) shown[node]?.push(...viewer.linesOf(node));
        expect(viewer.all('gap')).toEqual([]);
      }
    } finally {
      writing.stop();
    }
    for (const lines of Object.values(shown)) {
      expectRow(lines);
      expect(lines.length).toBeGreaterThan(100);
    }
  });

  it('tells a client that cannot be given what it missed, and why', async () => {
    const prefix = { channelPrefix: 'told:', keyPrefix: 'told:' };
    await using nodes = await LogNodes.start(redis, { logs: ['one\n', 'two\n'], redis: prefix, workers: 0 });
    await using viewer = await LogViewClient.open(nodes.socketUrl(1));
    const { position } = await viewer.of('opened');
    const since = position ?? { epoch: '', offset: 0 };
    viewer.send({ type: 'open', log: 'app', since: { epoch: 'another', offset: 1 } });
    expect(await viewer.of('opened', 2)).toMatchObject({ recovered: false, reason: 'epoch', backlog: 2 });
    const long = 'x'.repeat(60_000);
    for (let i = 0; i < 30; i++) nodes.append(2, `b ${i} ${long}\n`);
    await until(() => viewer.linesOf('node-2').length >= 31);
    viewer.send({ type: 'open', log: 'app', tail: 3, since });
    expect(await viewer.of('opened', 3)).toMatchObject({ recovered: false, reason: 'too-many' });
    await until(() => viewer.linesOf('node-2').length === 3);
    expect(numbersOf(viewer.linesOf('node-2'))).toEqual([27, 28, 29]);
    expect(viewer.linesOf('node-1')).toEqual(['one']);
  });

  it('puts the last lines of quiet nodes down again when Redis comes back empty', async () => {
    await using own = await startRedis();
    await using nodes = await LogNodes.start(own, { logs: ['one\n', 'two\n'], workers: 0 });
    const before = await LogViewClient.open(nodes.socketUrl(2));
    const { position } = await before.of('opened');
    await before[Symbol.asyncDispose]();
    await own.restart({ empty: true });
    const since = position ?? { epoch: '', offset: 0 };
    await until(
      async () => {
        await using viewer = await LogViewClient.open(nodes.socketUrl(2, '?wait=1'));
        viewer.send({ type: 'open', log: 'app', since });
        const answer = await until(() => viewer.all('opened')[0] ?? viewer.all('error')[0]);
        if (answer.type === 'error') return false;
        await until(() => viewer.lines.length === answer.backlog);
        return answer.reason === 'epoch' && viewer.lines.join() === 'one,two';
      },
      { deadlineMs: 40_000, everyMs: 200, what: 'the last lines of both nodes are there' },
    );
  });

  it('switches severities on this node, on another one, and on all', async () => {
    const prefix = { channelPrefix: 'severities:', keyPrefix: 'severities:' };
    await using nodes = await LogNodes.start(redis, { logs: ['', ''], redis: prefix });
    await using one = await LogViewClient.open(nodes.socketUrl(1));
    await using two = await LogViewClient.open(nodes.socketUrl(2));
    const isDebugOn = (viewer: LogViewClient): boolean | undefined => viewer.all('severities').at(-1)?.state['debug'];
    one.send({ type: 'severity', name: 'debug', on: true, node: 'node-2', ref: '1' });
    expect(await one.of('done')).toEqual({ type: 'done', ref: '1' });
    await until(() => isDebugOn(two) === true);
    expect(isDebugOn(one)).toBe(false);
    const known = (): string | undefined =>
      one
        .all('nodes')
        .at(-1)
        ?.nodes.map(({ name, severities }) => `${name}:${severities['debug']}`)
        .join();
    await until(() => known() === 'node-1:false,node-2:true');
    two.send({ type: 'severity', name: 'debug', on: true, node: '*' });
    await until(() => isDebugOn(one) === true);
    await until(() => known() === 'node-1:true,node-2:true');
    two.send({ type: 'severity', name: 'debug', on: false, ref: '2' });
    await until(() => isDebugOn(two) === false);
    expect(isDebugOn(one)).toBe(true);
    two.send({ type: 'severity', name: 'debug', on: false, node: 'nobody', ref: '3' });
    expect(await two.of('error')).toMatchObject({ code: 'unknown-node', ref: '3' });
    expect(await nodes.node(1).logged()).toContain('"node":"node-2"');
  });
});
