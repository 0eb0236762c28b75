import { appendFile } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { LogPosition } from '../../src/apps/log-view/followed-files.ts';
import { LogSource } from '../../src/apps/log-view/log-source.ts';
import { LogTails } from '../../src/apps/log-view/log-tails.ts';
import { readTailState, writeTailState } from '../../src/apps/log-view/tail-state.ts';
import { BrokerUnavailableError, createGateway, MemoryBroker, type Publication } from '../../src/index.ts';
import type { LogFields } from '../../src/lib/log.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { until } from '../support/until.ts';

/** Refuses a number of publications before it accepts any; keeps the lines of those that it accepted. */
class RefusingBroker extends MemoryBroker {
  readonly accepted: Publication[] = [];
  refusals = 0;

  get lines(): string[] {
    return this.accepted.flatMap(({ data }) => data.toString().split('\n'));
  }

  override async publish(publication: Publication): ReturnType<MemoryBroker['publish']> {
    if (this.refusals > 0) {
      this.refusals--;
      throw new BrokerUnavailableError('not now');
    }
    this.accepted.push(publication);
    return await super.publish(publication);
  }
}

async function prepare(
  paths: Readonly<Record<string, string>>,
): Promise<{ broker: RefusingBroker; tails: LogTails; warnings: LogFields[] }> {
  const broker = new RefusingBroker();
  const gateway = await createGateway({ broker });
  const warnings: LogFields[] = [];
  const ignore = (): void => {};
  const log = { error: ignore, warn: (fields: LogFields) => void warnings.push(fields), info: ignore, debug: ignore };
  const sources = new Map(Object.entries(paths).map(([name, path]) => [name, new LogSource(path)]));
  return {
    broker,
    tails: await LogTails.prepare({ gateway, log, node: 'a', sources, refreshMs: 20, tail: 100 }),
    warnings,
  };
}

describe('the duty of following the logs', () => {
  it('publishes what is appended after the worker was prepared, even if that is before it began', async () => {
    await using folder = await temporaryFolder({ 'a.log': 'old\n' });
    const { broker, tails } = await prepare({ app: folder.file('a.log') });
    await appendFile(folder.file('a.log'), 'new\n');
    const stop = await tails.start(undefined, () => {});
    await until(() => broker.lines.length > 0);
    await stop();
    expect(broker.lines).toEqual(['new']);
    expect(broker.accepted[0]).toMatchObject({ subscription: 'log:app', kind: 'text' });
  });

  it('tries again what the broker did not accept, says so once, and loses nothing', async () => {
    await using folder = await temporaryFolder({ 'a.log': '' });
    const { broker, tails, warnings } = await prepare({ app: folder.file('a.log') });
    broker.refusals = 3;
    const stop = await tails.start(undefined, () => {});
    await appendFile(folder.file('a.log'), '1\n');
    await until(() => broker.refusals < 3);
    await appendFile(folder.file('a.log'), '2\n');
    await until(() => broker.lines.length === 2);
    await stop();
    expect(broker.lines).toEqual(['1', '2']);
    expect(warnings.map(({ event }) => event)).toEqual(['log-publish-failed']);
  });

  it('ends within a bounded time when the broker accepts nothing, and the next one goes on there', async () => {
    await using folder = await temporaryFolder({ 'a.log': '' });
    const { broker, tails } = await prepare({ app: folder.file('a.log') });
    let saved = '';
    const stop = await tails.start(undefined, (state) => void (saved = state));
    await appendFile(folder.file('a.log'), '1\n');
    await until(() => broker.lines.length === 1);
    const many = 1_000_000;
    broker.refusals = many;
    await appendFile(folder.file('a.log'), '2\n');
    await until(() => broker.refusals < many);
    await stop();
    broker.refusals = 0;
    const { broker: next, tails: nextTails } = await prepare({ app: folder.file('a.log') });
    const stopNext = await nextTails.start(saved, () => {});
    await until(() => next.lines.length > 0);
    await stopNext();
    expect(next.lines).toEqual(['2']);
  });

  it('loses nothing of many files with long names when another worker goes on', async () => {
    const names = Array.from({ length: 250 }, (_, i) => `${'n'.repeat(200)}${i}.log`);
    await using folder = await temporaryFolder(Object.fromEntries(names.map((name) => [name, 'old\n'])));
    const logs = { one: folder.file('*.log'), two: folder.file('*.log') };
    const { tails } = await prepare(logs);
    let saved = '';
    const stop = await tails.start(undefined, (state) => void (saved = state));
    await stop();
    expect(Buffer.byteLength(saved)).toBeLessThanOrEqual(64 * 1024);
    const { broker, tails: nextTails } = await prepare(logs);
    for (const name of [names[0], names.at(-1)]) await appendFile(folder.file(name ?? ''), 'new\n');
    const stopNext = await nextTails.start(saved, () => {});
    await until(() => broker.lines.length >= 4);
    await stopNext();
    expect(broker.lines).toEqual(['new', 'new', 'new', 'new']);
  });

  it('takes no file for new that a saved state had no room for', async () => {
    await using folder = await temporaryFolder({ 'a.log': 'old\n' });
    const { broker, tails } = await prepare({ app: folder.file('a.log') });
    const stop = await tails.start(writeTailState({ era: 7, logs: [], isComplete: false }), () => {});
    await appendFile(folder.file('a.log'), 'new\n');
    await until(() => broker.lines.length > 0);
    await stop();
    expect(broker.lines).toEqual(['new']);
  });
});

describe('the duty with another configuration than before', () => {
  /** What a worker saves that has followed these logs. */
  async function savedBy(paths: Readonly<Record<string, string>>): Promise<string> {
    const { tails } = await prepare(paths);
    let saved = '';
    const stop = await tails.start(undefined, (state) => void (saved = state));
    await stop();
    return saved;
  }

  it('begins with a log that is new at its end, as a start does', async () => {
    await using folder = await temporaryFolder({ 'a.log': 'old\n', 'b.log': 'old\nold\n' });
    const saved = await savedBy({ a: folder.file('a.log') });
    const { broker, tails } = await prepare({ a: folder.file('a.log'), b: folder.file('b.log') });
    for (const name of ['a.log', 'b.log']) await appendFile(folder.file(name), `new ${name}\n`);
    const stop = await tails.start(saved, () => {});
    await until(() => broker.lines.length >= 2);
    await stop();
    expect(broker.lines.toSorted()).toEqual(['new a.log', 'new b.log']);
  });

  it('begins with the files of another path at their ends', async () => {
    await using folder = await temporaryFolder({ 'a.log': 'old\n', 'b.log': 'old\nold\n' });
    const saved = await savedBy({ app: folder.file('a.log') });
    const { broker, tails } = await prepare({ app: folder.file('b.log') });
    for (const name of ['a.log', 'b.log']) await appendFile(folder.file(name), `new ${name}\n`);
    const stop = await tails.start(saved, () => {});
    await until(() => broker.lines.length >= 1);
    await stop();
    expect(broker.lines).toEqual(['new b.log']);
  });

  it('goes on with files that are of both the old glob and the new one', async () => {
    await using folder = await temporaryFolder({ 'a.log': 'old\n', 'b.log': 'old\n' });
    const saved = await savedBy({ app: folder.file('a.*') });
    await appendFile(folder.file('a.log'), 'in between\n');
    const { broker, tails } = await prepare({ app: folder.file('*.log') });
    for (const name of ['a.log', 'b.log']) await appendFile(folder.file(name), `new ${name}\n`);
    const stop = await tails.start(saved, () => {});
    await until(() => broker.lines.length >= 3);
    await stop();
    expect(broker.lines.toSorted()).toEqual(['in between', 'new a.log', 'new b.log']);
  });
});

describe('the state that is saved', () => {
  const random = (bytes: number): string => randomBytes(bytes).toString('base64url');
  const position = (count: number): LogPosition => {
    const files = Array.from({ length: count }, (_, i) => ({ id: `1:${i}`, era: 5 + i, offset: i, mark: random(12) }));
    return { era: 5, files: files.map((file) => ({ ...file, path: `/logs/${random(90)}` })), left: files };
  };

  it('comes back as it was, also when it had to be compressed', () => {
    for (const count of [3, 250]) {
      const state = { era: 5, logs: [['app', position(count), '/logs/*.log'] as const], isComplete: true };
      expect(readTailState(writeTailState(state))).toEqual(state);
    }
  });

  it('leaves out the oldest where there is no room, and says of which era the others may be', () => {
    const [name, whole] = ['app', position(2_000)];
    const written = writeTailState({ era: 5, logs: [[name, whole, '/logs/*.log']], isComplete: true });
    expect(Buffer.byteLength(written)).toBeLessThanOrEqual(64 * 1024);
    const read = readTailState(written);
    const kept = read?.logs[0]?.[1].files ?? [];
    expect(read?.isComplete).toBe(false);
    expect(kept.length).toBeGreaterThan(100);
    expect(kept).toEqual(whole.files.slice(-kept.length));
    expect(read?.logs[0]?.[1].era).toBe(5 + 2_000);
  });

  it('ends, however long the names of the logs are', () => {
    const logs = Array.from({ length: 2_000 }, () => [random(60), position(1), '/logs/*.log'] as const);
    const written = writeTailState({ era: 5, logs, isComplete: true });
    expect(readTailState(written)).toEqual({ era: 6, logs: [], isComplete: false });
  });

  it('is not read from what is something else', () => {
    for (const other of ['', '{', '{}', 'null', '!', 'AAAA']) expect(readTailState(other)).toBeUndefined();
  });
});
