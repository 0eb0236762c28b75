import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { samplingBounds } from '../../src/lib/sampled-log.ts';
import { Severities } from '../../src/lib/severities.ts';
import { openLogs, type Logs } from '../../src/server/logs.ts';
import { temporaryFolder, type TemporaryFolder } from '../support/temporary-folder.ts';

function open(folder: TemporaryFolder, severities = new Severities()): Promise<Logs> {
  return openLogs({ directory: folder.path, severities: {} }, severities, { node: 'bells', worker: 1 });
}

async function linesOf(folder: TemporaryFolder): Promise<readonly Record<string, unknown>[]> {
  const text = await readFile(folder.file('error.log'), 'utf8');
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe('the error log', () => {
  it('has one JSON object per line, with the process, the event, the error and its causes', async () => {
    await using folder = await temporaryFolder();
    const { log, flush } = await open(folder);
    const error = new TypeError('broken', { cause: new Error('the reason') });
    log.error({ event: 'app-error', connection: 'a.1', err: error }, "an app's handler failed");
    flush();
    expect(await linesOf(folder)).toEqual([
      {
        level: 'error',
        time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
        pid: process.pid,
        node: 'bells',
        worker: 1,
        event: 'app-error',
        connection: 'a.1',
        err: {
          type: 'TypeError',
          message: 'broken',
          stack: expect.stringContaining('error-log.test'),
          cause: expect.objectContaining({ message: 'the reason' }),
        },
        msg: "an app's handler failed",
      },
    ]);
  });

  it('is not filled by a flood: what repeats is counted, and told at the latest when it is closed', async () => {
    await using folder = await temporaryFolder();
    const { log, flush } = await open(folder);
    const count = 10_000;
    for (let number = 1; number <= count; number++) {
      log.error({ event: 'app-error', connection: `a.${number}`, err: new Error('broken') }, 'failed');
    }
    log.error({ event: 'route-error', err: new Error('broken') }, 'failed');
    flush();
    const lines = await linesOf(folder);
    const { perCause } = samplingBounds;
    expect(lines).toHaveLength(perCause + 2);
    expect(lines.at(-2)).toMatchObject({ event: 'route-error' });
    expect(lines.at(-1)).toMatchObject({ connection: `a.${count}`, leftOut: count - perCause - 1 });
  });

  it('masks credentials in whatever is logged', async () => {
    await using folder = await temporaryFolder();
    const { log, flush } = await open(folder);
    const headers = { authorization: 'Basic YWRhOmVuZ2luZQ==', cookie: 'a=Pssst', host: 'bells' };
    log.warn({ event: 'route-error', headers, target: '/x?token=Pssst' }, 'from redis://ada:Pssst@bells/0');
    flush();
    const [line] = await linesOf(folder);
    expect(line).toMatchObject({
      headers: { authorization: '***', cookie: '***', host: 'bells' },
      target: '/x?token=***',
      msg: 'from redis://ada:***@bells/0',
    });
  });

  it('has what its switches say, at any time', async () => {
    await using folder = await temporaryFolder();
    const severities = new Severities();
    const { log, flush } = await open(folder, severities);
    log.debug({ event: 'first' }, 'off');
    severities.set({ debug: true, warn: false });
    log.debug({ event: 'second' }, 'on');
    log.warn({ event: 'third' }, 'off');
    flush();
    expect((await linesOf(folder)).map(({ event }) => event)).toEqual(['second']);
  });
});
