import { appendFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { LogSource } from '../../src/apps/log-view/log-source.ts';
import { LogTails } from '../../src/apps/log-view/log-tails.ts';
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
  return { broker, tails: await LogTails.prepare({ gateway, log, node: 'a', sources, refreshMs: 20 }), warnings };
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

  it('saves what fits, however many files there are, and the next one takes none of them for new', async () => {
    const names = Array.from({ length: 250 }, (_, i) => `${'n'.repeat(200)}${i}.log`);
    await using folder = await temporaryFolder(Object.fromEntries(names.map((name) => [name, 'old\n'])));
    const logs = { one: folder.file('*.log'), two: folder.file('*.log') };
    const { tails } = await prepare(logs);
    let saved = '';
    const stop = await tails.start(undefined, (state) => void (saved = state));
    await stop();
    expect(Buffer.byteLength(saved)).toBeLessThanOrEqual(64 * 1024);
    expect(Buffer.byteLength(saved)).toBeGreaterThan(40 * 1024);
    const { broker, tails: nextTails } = await prepare(logs);
    const stopNext = await nextTails.start(saved, () => {});
    for (const name of [names[0], names.at(-1)]) await appendFile(folder.file(name ?? ''), 'new\n');
    await until(() => broker.lines.length >= 4);
    await stopNext();
    expect(broker.lines).toEqual(['new', 'new', 'new', 'new']);
  });
});
