import { describe, expect, it } from 'vitest';
import type { HistoryPage, Publication } from '../../../../src/broker/broker.ts';
import { Claims } from '../../../../src/gateway/recovery/claims.ts';
import type { Connection } from '../../../../src/gateway/connection.ts';
import { JoinClaim } from '../../../../src/gateway/recovery/join-claim.ts';
import { Tail } from '../../../../src/gateway/recovery/tail.ts';

const place = { epoch: 'E', offset: 1_000 };
const from = { epoch: 'E', offset: 0 };

function publication(offset: number): Publication {
  return { subscription: 's', data: Buffer.from('x'), kind: 'text', exclude: [], position: { epoch: 'E', offset } };
}

const page: HistoryPage = {
  publications: Array.from({ length: 1_000 }, (_, i) => publication(i + 1)),
  position: place,
};

function joining(ends: string[], offset = 0): JoinClaim {
  const claim = new JoinClaim({
    connection: { id: 'c' } as Connection,
    since: { epoch: 'E', offset },
    limits: { publications: 10_000, bytes: 1_000_000, patienceMs: 1 },
    isWanted: () => true,
    taken: undefined,
    admit: () => {},
    ended: (result, count) => ends.push(`${result} ${count}`),
  });
  return claim;
}

describe('the claims of a track', () => {
  it('are served a few in each turn, each whole, and go on from where the track is by then', () => {
    const claims = new Claims();
    const ends: string[] = [];
    for (let i = 0; i < 100; i++) claims.add(joining(ends));
    claims.mark();
    const tail = new Tail();
    const serve = claims.serve({ from, page });
    let turns = 1;
    let newest = place.offset;
    while (!serve({ place: { epoch: 'E', offset: newest }, tail })) {
      turns++;
      // Live publications come in between.
      newest++;
      tail.add(publication(newest), 'E', newest);
      expect(claims.size).toBe(100 - ends.length);
    }
    expect(turns).toBeGreaterThan(40);
    expect(ends).toHaveLength(100);
    expect(ends[0]).toBe('recovered 1000');
    expect(Number(ends.at(-1)?.split(' ')[1])).toBeGreaterThan(1_040);
    expect(new Set(ends.map((end) => end.split(' ')[0]))).toEqual(new Set(['recovered']));
  });

  it('that come while they are served wait for the next reading, but for those that want nothing of before', async () => {
    const claims = new Claims();
    const ends: string[] = [];
    claims.add(joining(ends));
    claims.mark();
    claims.add(joining(ends, 2_000));
    const fresh = new JoinClaim({
      connection: { id: 'c' } as Connection,
      since: undefined,
      limits: { publications: 1, bytes: 1, patienceMs: 1 },
      isWanted: () => true,
      taken: undefined,
      admit: () => {},
      ended: () => {},
    });
    claims.add(fresh);
    const serve = claims.serve({ from, page });
    while (!serve({ place, tail: undefined }));
    expect(ends).toEqual(['recovered 1000']);
    expect(await fresh.settled).toMatchObject({ position: place });
    expect(claims.size).toBe(1);
    expect(claims.hasNew).toBe(true);
  });

  it('end where the floor is above them, whatever epoch of the history they are of', () => {
    const claims = new Claims();
    const ends: string[] = [];
    for (const offset of [3, 9, 10]) claims.add(joining(ends, offset));
    claims.mark();
    const floor = { offset: 10, epochs: ['E'] };
    const kept = { publications: [publication(11)], position: { epoch: 'E', offset: 11 } };
    const serve = claims.serve({ from: undefined, page: kept, floor });
    while (!serve({ place: { epoch: 'E', offset: 11 }, tail: undefined }));
    expect(ends).toEqual(['trimmed 0', 'trimmed 0', 'recovered 1']);
  });
});
