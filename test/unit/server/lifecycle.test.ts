import { deferred } from '../../support/deferred.ts';
import { describe, expect, it } from 'vitest';
import { silentLog, type Log } from '../../../src/lib/log.ts';
import { Lifecycle, StartError, StartInterruptedError } from '../../../src/server/lifecycle.ts';

const deadlines = { startMs: 5_000, stopMs: 5_000 };

function recorded(): { said: string[]; record: (word: string) => () => void } {
  const said: string[] = [];
  return { said, record: (word) => () => void said.push(word) };
}

describe('lifecycle', () => {
  it('stops upwards what was started downwards', async () => {
    const { said, record } = recorded();
    const column = new Lifecycle(() => silentLog);
    for (const name of ['logs', 'broker', 'server'])
      await column.step(name, deadlines, record(`+${name}`), record(`-${name}`));
    await column.stop();
    expect(said).toEqual(['+logs', '+broker', '+server', '-server', '-broker', '-logs']);
  });

  it('gives each step what it started', async () => {
    const column = new Lifecycle(() => silentLog);
    let stopped: number | undefined;
    const started = await column.step(
      'number',
      deadlines,
      async () => 42,
      (value) => void (stopped = value),
    );
    await column.stop();
    expect([started, stopped]).toEqual([42, 42]);
  });

  it('names the step that failed and keeps the cause', async () => {
    const column = new Lifecycle(() => silentLog);
    const cause = new Error('no such luck');
    const failure = await column
      .step(
        'broker',
        deadlines,
        () => Promise.reject(cause),
        () => {},
      )
      .catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(StartError);
    expect(failure).toMatchObject({ code: 'START_FAILED', message: 'broker: no such luck', cause });
  });

  it('names the step that hung, and stops it should it come up late', async () => {
    const column = new Lifecycle(() => silentLog);
    const late = deferred<string>();
    const stopped = deferred<string>();
    const failure = await column
      .step(
        'broker',
        { startMs: 1, stopMs: 5_000 },
        () => late.promise,
        (value) => stopped.resolve(value),
      )
      .catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'START_FAILED', message: 'broker: not done within 1 ms' });
    late.resolve('late');
    expect(await stopped.promise).toBe('late');
  });

  it('stops what had started when a later step failed', async () => {
    const { said, record } = recorded();
    const column = new Lifecycle(() => silentLog);
    await column.step('logs', deadlines, () => {}, record('-logs'));
    await column.step('broker', deadlines, () => Promise.reject(new Error('no')), record('-broker')).catch(() => {});
    await column.stop();
    expect(said).toEqual(['-logs']);
  });

  it('passes over a step that does not stop, and logs its name', async () => {
    const { said, record } = recorded();
    const failures: unknown[] = [];
    const log: Log = { ...silentLog, error: (fields) => void failures.push(fields['step']) };
    const column = new Lifecycle(() => log);
    await column.step('logs', deadlines, () => {}, record('-logs'));
    await column.step(
      'hangs',
      { startMs: 5_000, stopMs: 1 },
      () => {},
      () => new Promise(() => {}),
    );
    await column.step(
      'throws',
      deadlines,
      () => {},
      () => Promise.reject(new Error('no')),
    );
    await column.stop();
    expect(said).toEqual(['-logs']);
    expect(failures).toEqual(['throws', 'hangs']);
  });

  it('gives up a start that is being stopped, and stops the step that was under way', async () => {
    const { said, record } = recorded();
    const column = new Lifecycle(() => silentLog);
    const slow = deferred<void>();
    const starting = column
      .step('slow', deadlines, () => slow.promise, record('-slow'))
      .catch((error: unknown) => error);
    const stopping = column.stop();
    slow.resolve();
    await stopping;
    expect(await starting).toBeInstanceOf(StartInterruptedError);
    expect(said).toEqual(['-slow']);
    await expect(
      column.step(
        'next',
        deadlines,
        () => {},
        () => {},
      ),
    ).rejects.toBeInstanceOf(StartInterruptedError);
  });

  it('asks how long a step may take to stop when it stops', async () => {
    const failures: unknown[] = [];
    const log: Log = { ...silentLog, error: (fields) => void failures.push(fields['step']) };
    const column = new Lifecycle(() => log);
    const changing = { startMs: 5_000, stopMs: 600_000 };
    await column.step(
      'hangs',
      changing,
      () => {},
      () => new Promise(() => {}),
    );
    changing.stopMs = 1;
    await column.stop();
    expect(failures).toEqual(['hangs']);
  });

  it('stops once however often it is asked', async () => {
    const { said, record } = recorded();
    const column = new Lifecycle(() => silentLog);
    await column.step('logs', deadlines, () => {}, record('-logs'));
    await Promise.all([column.stop(), column.stop()]);
    await column.stop();
    expect(said).toEqual(['-logs']);
  });
});
