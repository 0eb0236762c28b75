import { describe, expect, it } from 'vitest';
import { Duties } from '../../../src/server/duties.ts';
import { until } from '../../support/until.ts';

function startDuties(): { duties: Duties; assigned: string[] } {
  const assigned: string[] = [];
  const duties = new Duties((worker, duty, resumeFrom) =>
    assigned.push(`${duty}→${worker}${resumeFrom === undefined ? '' : ` from ${resumeFrom}`}`),
  );
  return { duties, assigned };
}

describe('duties', () => {
  it('are given to one worker, however many offer', () => {
    const { duties, assigned } = startDuties();
    for (const worker of [1, 2, 3]) duties.offer(worker, 'tail');
    expect(assigned).toEqual(['tail→1']);
  });

  it('go to the worker that has the fewest', () => {
    const { duties, assigned } = startDuties();
    for (const worker of [1, 2]) for (const duty of ['a', 'b']) duties.offer(worker, duty);
    duties.offer(2, 'c');
    duties.gone(1);
    expect(assigned).toEqual(['a→1', 'b→1', 'c→2', 'a→2', 'b→2']);
    duties.offer(3, 'a');
    duties.offer(3, 'b');
    duties.ended(2, 'a');
    duties.ended(2, 'b');
    expect(assigned.slice(5)).toEqual(['a→3', 'b→3']);
  });

  it('stay with a worker that retires until it hands them back, and come to it no more', () => {
    const { duties, assigned } = startDuties();
    duties.offer(1, 'tail');
    duties.offer(2, 'tail');
    duties.save(1, 'tail', 'line 10');
    duties.retire(1);
    expect(duties.holder('tail')).toBe(1);
    duties.save(1, 'tail', 'line 20');
    duties.ended(1, 'tail');
    duties.retire(2);
    duties.gone(2);
    expect(assigned).toEqual(['tail→1', 'tail→2 from line 20']);
  });

  it('are resumed from what was saved last when the holder dies', () => {
    const { duties, assigned } = startDuties();
    duties.offer(1, 'tail');
    duties.offer(2, 'tail');
    duties.save(1, 'tail', 'line 10');
    duties.save(1, 'tail', 'line 20');
    duties.gone(1);
    expect(assigned).toEqual(['tail→1', 'tail→2 from line 20']);
  });

  it('ignore what is saved by somebody who has lost them', () => {
    const { duties, assigned } = startDuties();
    duties.offer(1, 'tail');
    duties.offer(2, 'tail');
    duties.gone(1);
    duties.save(1, 'tail', 'stale');
    duties.gone(2);
    duties.offer(3, 'tail');
    expect(assigned).toEqual(['tail→1', 'tail→2', 'tail→3']);
  });

  it('wait for a successor when nobody is left', () => {
    const { duties, assigned } = startDuties();
    duties.offer(1, 'tail');
    duties.save(1, 'tail', 'line 7');
    duties.gone(1);
    expect(duties.holder('tail')).toBeUndefined();
    duties.offer(1, 'tail');
    expect(assigned).toEqual(['tail→1', 'tail→1 from line 7']);
  });

  it('are not passed on before the holder has ended them', () => {
    const { duties, assigned } = startDuties();
    duties.offer(1, 'tail');
    duties.offer(2, 'tail');
    duties.ended(2, 'tail');
    expect(assigned).toEqual(['tail→1']);
    duties.offer(2, 'tail');
    duties.ended(1, 'tail');
    expect(assigned).toEqual(['tail→1', 'tail→2']);
  });

  it('are tried again, by somebody else first, when they could not begin', async () => {
    const { duties, assigned } = startDuties();
    duties.offer(1, 'tail');
    duties.offer(2, 'tail');
    duties.failed(1, 'tail');
    await until(() => assigned.length === 2);
    expect(assigned).toEqual(['tail→1', 'tail→2']);
  });

  it('do not come back to a worker that has retired and could not begin', async () => {
    const { duties, assigned } = startDuties();
    duties.offer(1, 'tail');
    duties.retire(1);
    duties.failed(1, 'tail');
    duties.offer(2, 'tail');
    await until(() => assigned.length === 2);
    expect(assigned).toEqual(['tail→1', 'tail→2']);
  });

  it('are not given to anybody once the node stops', () => {
    const { duties, assigned } = startDuties();
    duties.offer(1, 'tail');
    duties.offer(2, 'tail');
    duties.close();
    duties.ended(1, 'tail');
    expect(assigned).toEqual(['tail→1']);
  });
});
