import { describe, expect, it } from 'vitest';
import { Metrics } from '../../../src/metrics/metrics.ts';
import { SnapshotChanges, withChanges } from '../../../src/metrics/snapshot-changes.ts';

function namesOf(snapshot: readonly { readonly name: string }[]): string[] {
  return snapshot.map(({ name }) => name);
}

describe('the changes between snapshots', () => {
  it('are all of the first, then what is not as it was, and give the snapshots back', () => {
    const metrics = new Metrics();
    const changes = new SnapshotChanges();
    const first = metrics.snapshot();
    const all = changes.in(first);
    expect(all).toEqual(first);
    let known = withChanges([], all);
    expect(known).toEqual(first);

    metrics.counts.connections = 3;
    metrics.counts.countClose(1001, true);
    const second = metrics.snapshot();
    const changed = changes.in(second);
    expect(namesOf(changed)).toEqual(expect.arrayContaining(['carillon_connections', 'carillon_closes_total']));
    expect(namesOf(changed)).not.toContain('carillon_handshakes_total');
    known = withChanges(known, changed);
    expect(known).toEqual(second);

    // Back to what it was, and a series that was not there before.
    metrics.counts.connections = 0;
    metrics.counts.countClose(4000, false);
    const third = metrics.snapshot();
    known = withChanges(known, changes.in(third));
    expect(known).toEqual(third);
    metrics.close();
  });

  it('are none where nothing has happened', () => {
    const metrics = new Metrics();
    const changes = new SnapshotChanges();
    const snapshot = metrics.snapshot();
    changes.in(snapshot);
    expect(changes.in(snapshot)).toEqual([]);
    metrics.close();
  });
});
