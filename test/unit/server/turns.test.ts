import { deferred } from '../../support/deferred.ts';
import { describe, expect, it } from 'vitest';
import { silentLog } from '../../../src/lib/log.ts';
import { Turns } from '../../../src/server/turns.ts';
import type { FromWorker } from '../../../src/server/worker-messages.ts';
import { until } from '../../support/until.ts';

function startTurns(): { turns: Turns; sent: FromWorker[] } {
  const sent: FromWorker[] = [];
  return { turns: new Turns((message) => sent.push(message), silentLog), sent };
}

describe('turns', () => {
  it('begin when the primary says so, from where it says', async () => {
    const { turns, sent } = startTurns();
    const begun: (string | undefined)[] = [];
    turns.offer('tail', async (resumeFrom) => {
      begun.push(resumeFrom);
      return async () => {};
    });
    expect(begun).toEqual([]);
    turns.begin('tail', 'line 3');
    expect(begun).toEqual(['line 3']);
    expect(sent).toEqual([{ type: 'duty-offered', duty: 'tail' }]);
    await turns.close();
  });

  it('hand a duty back only after its stop has ended, with its last state before', async () => {
    const { turns, sent } = startTurns();
    const stopped = deferred<void>();
    turns.offer('tail', async (_, save) => async () => {
      await stopped.promise;
      save('the end');
    });
    turns.begin('tail', undefined);
    const closing = turns.close();
    await Promise.resolve();
    expect(sent.map(({ type }) => type)).toEqual(['duty-offered']);
    stopped.resolve();
    await closing;
    expect(sent.slice(1)).toEqual([
      { type: 'duty-state', duty: 'tail', state: 'the end' },
      { type: 'duty-ended', duty: 'tail' },
    ]);
  });

  it('withdraw duties they do not have, and begin none any more', async () => {
    const { turns, sent } = startTurns();
    let begun = 0;
    turns.offer('tail', async () => {
      begun++;
      return async () => {};
    });
    await turns.close();
    turns.begin('tail', undefined);
    expect([begun, sent.at(-1)]).toEqual([0, { type: 'duty-ended', duty: 'tail' }]);
  });

  it('report a duty that could not begin', async () => {
    const { turns, sent } = startTurns();
    turns.offer('tail', () => Promise.reject(new Error('no')));
    turns.begin('tail', undefined);
    await until(() => sent.length === 2);
    expect(sent[1]).toEqual({ type: 'duty-failed', duty: 'tail' });
    await turns.close();
  });

  it('do not keep a state over 64 KiB', async () => {
    const { turns, sent } = startTurns();
    turns.offer('tail', async (_, save) => {
      save('x'.repeat(64 * 1024 + 1));
      save('x'.repeat(64 * 1024));
      return async () => {};
    });
    turns.begin('tail', undefined);
    expect(sent.filter(({ type }) => type === 'duty-state')).toHaveLength(1);
    await turns.close();
  });
});
