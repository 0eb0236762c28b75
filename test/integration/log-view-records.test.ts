import { appendFile, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { LogSource } from '../../src/apps/log-view/log-source.ts';
import { logRules, recordSubscription } from '../../src/apps/log-view/log-subscriptions.ts';
import { LogTails } from '../../src/apps/log-view/log-tails.ts';
import { readRecord, type NodeRecord } from '../../src/apps/log-view/node-record.ts';
import { RecentLinesReader } from '../../src/apps/log-view/recent-lines.ts';
import { createGateway, type Gateway } from '../../src/index.ts';
import { numbered } from '../support/log-lines.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { until } from '../support/until.ts';

const ignore = (): void => {};
const log = { error: ignore, warn: ignore, info: ignore, debug: ignore };

interface Followed extends AsyncDisposable {
  readonly gateway: Gateway;
  readonly tails: LogTails;
  record(): Promise<NodeRecord | undefined>;
}

/** A gateway that keeps history, and who may follow the log `app` of node a. */
async function prepare(path: string): Promise<Followed> {
  const gateway = await createGateway({ subscriptions: logRules() });
  const sources = new Map([['app', new LogSource(path)]]);
  return {
    gateway,
    tails: await LogTails.prepare({ gateway, log, node: 'a', sources, refreshMs: 20, tail: 3 }),
    async record() {
      const { publications } = await gateway.history(recordSubscription('app', 'a'), { limit: 1, reverse: true });
      return publications[0] && readRecord(publications[0], 'app', 'a');
    },
    async [Symbol.asyncDispose]() {
      await gateway.close();
    },
  };
}

const linesOf = (record: NodeRecord | undefined): readonly string[] =>
  record?.batches.flatMap(({ lines }) => lines) ?? [];

describe('what a node puts down of its log', () => {
  it('are its last lines: those from before it began at once, later ones soon after they came', async () => {
    await using folder = await temporaryFolder({ 'a.log': numbered(5).join('\n') + '\n' });
    await using followed = await prepare(folder.file('a.log'));
    const stop = await followed.tails.start(undefined, ignore);
    expect(linesOf(await followed.record())).toEqual(numbered(3, 2));
    expect((await followed.record())?.upTo.offset).toBe(0);
    await appendFile(folder.file('a.log'), numbered(2, 5).join('\n') + '\n');
    await until(async () => linesOf(await followed.record()).join() === numbered(3, 4).join());
    expect((await followed.record())?.upTo.offset).toBeGreaterThan(0);
    await stop();
  });

  it('is what the worker before has published, when another one goes on', async () => {
    await using folder = await temporaryFolder({ 'a.log': '' });
    await using followed = await prepare(folder.file('a.log'));
    let saved = '';
    const stop = await followed.tails.start(undefined, (state) => void (saved = state));
    await appendFile(folder.file('a.log'), '1\n2\n');
    await until(async () => linesOf(await followed.record()).join() === '1,2');
    await stop();
    await appendFile(folder.file('a.log'), '3\n');
    const next = await prepare(folder.file('a.log'));
    const stopNext = await next.tails.start(saved, ignore);
    expect(linesOf(await next.record())).toEqual(['1', '2']);
    await until(async () => linesOf(await next.record()).join() === '1,2,3');
    await stopNext();
    await next[Symbol.asyncDispose]();
  });

  it('leaves out a file that is another one by now', async () => {
    await using folder = await temporaryFolder({ 'a.log': '1\n2\n' });
    await using followed = await prepare(folder.file('a.log'));
    await writeFile(folder.file('a.log'), 'x\ny\nz\n');
    const stop = await followed.tails.start(undefined, ignore);
    await until(async () => linesOf(await followed.record()).join() === 'x,y,z');
    await stop();
  });
});

describe('what is read of all nodes', () => {
  it('are the last lines up to one place, however many of them are in the record', async () => {
    await using folder = await temporaryFolder({ 'a.log': '1\n2\n' });
    await using followed = await prepare(folder.file('a.log'));
    const stop = await followed.tails.start(undefined, ignore);
    const reader = new RecentLinesReader(followed.gateway, 'a');
    // Not yet in the record, and then in it.
    for (const [line, isThere] of [
      ['3', () => true],
      ['4', async () => linesOf(await followed.record()).includes('4')],
    ] as const) {
      await appendFile(folder.file('a.log'), `${line}\n`);
      const end = async (): Promise<string | undefined> =>
        (await reader.read('app', 100)).nodes.get('a')?.batches.at(-1)?.lines.at(-1);
      await until(async () => (await end()) === line && (await isThere()));
      const { nodes, position } = await reader.read('app', 2);
      const own = nodes.get('a');
      expect(own?.batches.flatMap(({ lines }) => lines)).toEqual([String(Number(line) - 1), line]);
      expect([...(own?.ends.values() ?? [])]).toEqual([2 * Number(line)]);
      expect(position.offset).toBe(Number(line) - 2);
    }
    // Those who ask at the same time are given the same reading.
    const [first, second, other] = await Promise.all([
      reader.read('app', 2),
      reader.read('app', 2),
      reader.read('app', 1),
    ]);
    expect(first).toBe(second);
    expect(other.nodes.get('a')?.batches.flatMap(({ lines }) => lines)).toEqual(['4']);
    await stop();
  });
});
