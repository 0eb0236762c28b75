import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { admissionChanges, type WorkerLoad } from '../../../src/server/admission.ts';

function loads(...rows: readonly (readonly [connections: number, isListening: boolean])[]): WorkerLoad[] {
  return rows.map(([connections, isListening], index) => ({ worker: index + 1, connections, isListening }));
}

const anyLoads = fc
  .array(fc.record({ connections: fc.nat(20_000), isListening: fc.boolean() }), { maxLength: 16 })
  .map((rows) => rows.map((row, index): WorkerLoad => ({ worker: index + 1, ...row })));

describe('admission', () => {
  it('leaves workers alone that are about as loaded as the others', () => {
    expect(admissionChanges(loads([100, true], [110, true], [90, true], [120, true]))).toEqual({
      pause: [],
      resume: [],
    });
  });

  it('leaves the second connection to another worker than the first', () => {
    expect(admissionChanges(loads([0, true], [0, true]))).toEqual({ pause: [], resume: [] });
    expect(admissionChanges(loads([1, true], [0, true])).pause).toEqual([1]);
    expect(admissionChanges(loads([1, false], [1, true])).resume).toEqual([1]);
  });

  it('pauses a worker well above the average', () => {
    expect(admissionChanges(loads([400, true], [100, true], [100, true], [100, true]))).toEqual({
      pause: [1],
      resume: [],
    });
  });

  it('resumes a worker that is back in range, and not before', () => {
    expect(admissionChanges(loads([300, false], [200, true])).resume).toEqual([]);
    expect(admissionChanges(loads([225, false], [200, true])).resume).toEqual([1]);
  });

  it('resumes the least loaded when nobody listens any more', () => {
    expect(admissionChanges(loads([900, false], [500, false], [10, false])).resume).toContain(3);
  });

  it('always leaves a listening worker that is not told to pause, where there is one', () => {
    fc.assert(
      fc.property(anyLoads, (rows) => {
        const { pause, resume } = admissionChanges(rows);
        const listening = rows.filter(({ isListening }) => isListening);
        if (listening.length > 0) expect(listening.length).toBeGreaterThan(pause.length);
        else if (rows.length > 0) expect(resume.length).toBeGreaterThan(0);
      }),
    );
  });

  it('orders each worker one thing at most, and only what it does not do already', () => {
    fc.assert(
      fc.property(anyLoads, (rows) => {
        const { pause, resume } = admissionChanges(rows);
        for (const worker of pause) expect(rows[worker - 1]?.isListening).toBe(true);
        for (const worker of resume) expect(rows[worker - 1]?.isListening).toBe(false);
      }),
    );
  });

  it('does not order back and forth: what it has ordered it leaves', () => {
    fc.assert(
      fc.property(anyLoads, (rows) => {
        const first = admissionChanges(rows);
        const after = rows.map((row) => ({
          ...row,
          isListening: first.pause.includes(row.worker) ? false : first.resume.includes(row.worker) || row.isListening,
        }));
        const second = admissionChanges(after);
        expect(second.resume.filter((worker) => first.pause.includes(worker))).toEqual([]);
        // One that was resumed although out of range may leave again once somebody else listens too.
        expect(second.pause.filter((worker) => first.resume.includes(worker)).length).toBeLessThanOrEqual(1);
      }),
    );
  });
});
