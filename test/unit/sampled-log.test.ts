import { afterEach, describe, expect, it, vi } from 'vitest';
import { silentLog, type Log, type LogFields } from '../../src/lib/log.ts';
import { SampledLog } from '../../src/lib/sampled-log.ts';

const bounds = { windowMs: 1_000, perCause: 3, causes: 4 };

interface Line extends LogFields {
  readonly message: string;
}

function record(): { log: SampledLog; lines: Line[] } {
  const lines: Line[] = [];
  const write = (fields: LogFields, message: string): void => void lines.push({ ...fields, message });
  const log: Log = { ...silentLog, error: write, warn: write, info: write };
  return { log: new SampledLog(log, bounds), lines };
}

describe('a log that samples what repeats', () => {
  afterEach(() => vi.useRealTimers());

  it('writes the first lines of an event and cause, and at the end of the window the last one with what was left out', () => {
    vi.useFakeTimers();
    const { log, lines } = record();
    for (let count = 1; count <= 10; count++)
      log.error({ event: 'app-error', err: new Error('broken'), count }, 'failed');
    expect(lines.map(({ count }) => count)).toEqual([1, 2, 3]);
    vi.advanceTimersByTime(bounds.windowMs);
    expect(lines.slice(3)).toMatchObject([{ event: 'app-error', count: 10, leftOut: 6, message: 'failed' }]);
    log.error({ event: 'app-error', err: new Error('broken'), count: 11 }, 'failed');
    expect(lines.at(-1)).toMatchObject({ count: 11 });
    log.flush();
  });

  it('tells causes apart, by the code and message of the error or else by the sentence', () => {
    const { log, lines } = record();
    for (const message of ['one', 'two']) {
      for (let count = 0; count < 3; count++) {
        log.warn({ event: 'redis-unavailable' }, message);
        log.warn({ event: 'app-error', err: new Error(message) }, 'failed');
      }
    }
    expect(lines).toHaveLength(12);
    log.flush();
    expect(lines).toHaveLength(12);
  });

  it('writes a bounded number of lines whatever the causes say', () => {
    const { log, lines } = record();
    for (let count = 0; count < 1_000; count++)
      log.error({ event: 'app-error', err: new Error(String(count)) }, 'failed');
    expect(lines).toHaveLength(4 + 3);
    log.flush();
    expect(lines.at(-1)).toMatchObject({ leftOut: 1_000 - 8 });
  });

  it('writes every line that only informs', () => {
    const { log, lines } = record();
    for (let count = 0; count < 50; count++) log.info({ event: 'severity-set' }, 'switched');
    expect(lines).toHaveLength(50);
  });
});
