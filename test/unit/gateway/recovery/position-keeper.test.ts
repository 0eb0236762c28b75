import { describe, expect, it } from 'vitest';
import type { Connection } from '../../../../src/gateway/connection.ts';
import { PositionKeeper } from '../../../../src/gateway/recovery/position-keeper.ts';
import { RecoveryQueue } from '../../../../src/gateway/recovery/recovery-queue.ts';
import { Track } from '../../../../src/gateway/recovery/track.ts';
import { until } from '../../../support/until.ts';
import { WrittenHistory } from '../../../support/written-history.ts';

interface Followed {
  readonly history: WrittenHistory;
  readonly track: Track;
  readonly delivered: number[];
}

async function follow(name: string): Promise<Followed> {
  const history = new WrittenHistory();
  const queue = new RecoveryQueue(60_000);
  const delivered: number[] = [];
  const track = new Track(name, {
    history,
    patienceMs: 60_000,
    deliver: ({ position }) => delivered.push(position?.offset ?? 0),
    gap: () => {},
    recovered: () => {},
    dropped: () => {},
    wantsReading: (one, urgency) => queue.add(one, urgency),
    wantsAgain: (one, failures) => queue.addLater(one, failures),
    waitsAnew: (one) => queue.renew(one),
    needsNoReading: (one) => queue.remove(one),
  });
  await new Promise<void>((resolve) => {
    track.add({
      connection: {} as Connection,
      epoch: undefined,
      offset: 0,
      most: 1,
      isWanted: true,
      take: () => true,
      arrived: () => resolve(),
      lost: () => {},
      failed: () => false,
      dropped: () => {},
    });
  });
  return { history, track, delivered };
}

describe('the keeper of positions', () => {
  it('asks for those of all tracks again and again, and finds what nobody had noticed', async () => {
    const followed = new Map<string, Followed>();
    const tracks = new Map<string, Track>();
    for (const name of ['a', 'b', 'c']) {
      const one = await follow(name);
      followed.set(name, one);
      tracks.set(name, one.track);
    }
    let failures = 0;
    const keeper = new PositionKeeper(
      {
        read: async (name, query) => {
          if (++failures % 5 === 0) throw new Error('away');
          const one = followed.get(name);
          if (one === undefined) throw new Error('no such name');
          return await one.history.read(name, query);
        },
      },
      tracks,
      30,
    );
    keeper.start();
    await until(() => [...followed.values()].every(({ history }) => history.reads.length > 5));
    const missing = followed.get('b');
    missing?.history.append();
    await until(() => missing?.delivered.length === 1);
    // Without tracks it stops.
    tracks.clear();
    await until(async () => {
      const before = failures;
      for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
      return failures === before;
    });
    expect(missing?.delivered).toEqual([1]);
  });
});
