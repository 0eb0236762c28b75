import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { Position, Publication } from '../../../../src/broker/broker.ts';
import type { Claim } from '../../../../src/gateway/recovery/claim.ts';
import type { Connection } from '../../../../src/gateway/connection.ts';
import { RecoveryQueue } from '../../../../src/gateway/recovery/recovery-queue.ts';
import { Track } from '../../../../src/gateway/recovery/track.ts';
import { deferred } from '../../../support/deferred.ts';
import { until } from '../../../support/until.ts';
import { WrittenHistory } from '../../../support/written-history.ts';

type Told = number | string;

function arrange(patienceMs = 60_000): {
  history: WrittenHistory;
  track: Track;
  told: Told[];
  missed: (number | undefined)[];
  come(since?: Position, most?: number): CollectingClaim;
} {
  const history = new WrittenHistory();
  const told: Told[] = [];
  const missed: (number | undefined)[] = [];
  const queue = new RecoveryQueue(patienceMs);
  const track = new Track('s', {
    history,
    patienceMs,
    deliver: ({ position }) => {
      told.push(position?.offset ?? 0);
      return 1;
    },
    gap: (_name, reason, count) => {
      told.push(reason);
      missed.push(count);
    },
    recovered: () => {},
    dropped: () => {},
    wantsReading: (one, urgency) => queue.add(one, urgency),
    wantsAgain: (one, failures) => queue.addLater(one, failures),
    waitsAnew: (one) => queue.renew(one),
    needsNoReading: (one) => queue.remove(one),
  });
  return {
    history,
    track,
    told,
    missed,
    come(since, most) {
      const claim = new CollectingClaim(since, most);
      track.add(claim);
      return claim;
    },
  };
}

/** Writes down what it is given, and its end. */
class CollectingClaim implements Claim {
  readonly connection = {} as Connection;
  readonly most: number;
  epoch: string | undefined;
  offset: number;
  isWanted = true;
  readonly given: number[] = [];
  end: string | undefined;
  mostBytes = Number.POSITIVE_INFINITY;
  readonly ended: Promise<string>;
  #resolve: (end: string) => void = () => {};

  constructor(since?: Position, most = 10_000) {
    this.epoch = since?.epoch;
    this.offset = since?.offset ?? 0;
    this.most = most;
    this.ended = new Promise((resolve) => (this.#resolve = resolve));
  }

  take({ position, data }: Publication): boolean | 'too-many' {
    this.given.push(position?.offset ?? 0);
    this.mostBytes -= data.length;
    return this.mostBytes >= 0 ? true : 'too-many';
  }

  arrived(_epoch: string, offset: number): void {
    this.#end(`arrived ${offset}`);
  }

  lost(reason: string): void {
    this.#end(reason);
  }

  failed(): boolean {
    this.#end('failed');
    return false;
  }

  dropped(): void {
    this.#end('dropped');
  }

  #end(end: string): void {
    this.end ??= end;
    this.#resolve(end);
  }
}

const range = (first: number, last: number): number[] => Array.from({ length: last - first + 1 }, (_, i) => first + i);

describe('a track', () => {
  it('goes on over entries that cannot be read, and so do claims', async () => {
    const { history, track, told, come } = arrange();
    await come().ended;
    for (let offset = 1; offset <= 6; offset++) history.append(10, ![2, 3, 6].includes(offset));
    history.pageSize = 1;
    track.suspect();
    await until(() => !track.isBehind);
    expect(told).toEqual([1, 4, 5]);
    const claim = come(history.at(0));
    expect(await claim.ended).toBe('arrived 6');
    expect(claim.given).toEqual([1, 4, 5]);
    const other = come(history.at(2));
    expect(await other.ended).toBe('arrived 6');
    expect(history.reads.length).toBeLessThan(25);
  });

  it('tells a gap rather than asking for ever where the history does not get it on', async () => {
    const { history, track, told, come } = arrange();
    await come().ended;
    const claim = come(history.at(0));
    await claim.ended;
    for (let offset = 1; offset <= 5; offset++) history.append();
    // Breaks the contract: there is more, and it does not come.
    const read = history.read.bind(history);
    history.read = async (name, query) => ({ ...(await read(name, query)), publications: [] });
    track.suspect();
    await until(() => !track.isBehind);
    expect(told).toEqual(['trimmed']);
    expect(await come(history.at(2)).ended).toBe('trimmed');
    expect(history.reads.length).toBeLessThan(10);
    track.live(history.append(), 'E', 6);
    expect(told).toEqual(['trimmed', 6]);
  });

  it.each([
    ['more arrives than is kept', 64 * 1024, () => true],
    ['one is lost', 10, (offset: number) => offset !== 3],
  ])('delivers everything that came while it learnt its place, also where %s', async (_what, bytes, arrives) => {
    const { history, track, told, come } = arrange();
    const { promise, resolve } = deferred<void>();
    history.after = () => promise;
    const claim = come();
    await nextTurn();
    for (let offset = 1; offset <= 20; offset++) {
      const publication = history.append(bytes);
      if (arrives(offset)) track.live(publication, 'E', offset);
    }
    history.after = undefined;
    resolve();
    expect(await claim.ended).toMatch(/^arrived/);
    await until(() => told.length >= 20);
    expect(told).toEqual(range(1, 20));
  });

  it('is patient anew where an earlier failure is long over', async () => {
    const { history, track, told, come } = arrange(300);
    await come().ended;
    const fail = (): void => {
      history.before = () => {
        history.before = undefined;
        throw new Error('away');
      };
    };
    fail();
    expect(await come({ epoch: 'X', offset: 3 }).ended).toBe('failed');
    const since = performance.now();
    await until(() => performance.now() - since > 350);
    fail();
    track.suspect();
    await until(() => history.before === undefined && !track.isBehind);
    expect(told).toEqual([]);
  });

  it('gives up after its patience, and goes on with what has arrived', async () => {
    const { history, track, told, missed, come } = arrange(100);
    await come().ended;
    history.before = () => {
      throw new Error('away');
    };
    for (let offset = 1; offset <= 5; offset++) {
      const publication = history.append();
      if (![1, 2, 4].includes(offset)) track.live(publication, 'E', offset);
    }
    await until(() => !track.isBehind);
    expect(told).toEqual(['unavailable', 3, 'unavailable', 5]);
    expect(missed).toEqual([2, 1]);
  });

  it('tells a gap where something is no longer kept, and gives what is, page by page, however much that is', async () => {
    const { history, track, told, missed, come } = arrange();
    await come().ended;
    for (let offset = 1; offset <= 25_000; offset++) history.append();
    history.floor = 40;
    history.pageSize = 1_000;
    track.suspect();
    await until(() => !track.isBehind);
    expect(told).toEqual(['trimmed', ...range(41, 25_000)]);
    expect(missed).toEqual([40]);
  });

  it('ends a claim at once where it comes to too many bytes', async () => {
    const { history, track, come } = arrange();
    for (let offset = 1; offset <= 1_000; offset++) history.append();
    await come().ended;
    history.pageSize = 10;
    const reads = history.reads.length;
    const claim = new CollectingClaim(history.at(0));
    claim.mostBytes = 150;
    track.add(claim);
    expect(await claim.ended).toBe('too-many');
    expect(claim.given).toEqual(range(1, 16));
    expect(history.reads.length - reads).toBe(2);
  });

  it('serves claims in their order, also while others keep coming from further back', async () => {
    const { history, track, come } = arrange();
    await come().ended;
    for (let offset = 1; offset <= 100; offset++) history.append();
    history.pageSize = 10;
    track.suspect();
    await until(() => !track.isBehind);
    const foreign = come({ epoch: 'another', offset: 5 });
    const own = come(history.at(20));
    let late = 0;
    history.before = () => {
      for (let i = 0; i < 3; i++, late++) come(history.at(0));
    };
    expect(await foreign.ended).toBe('epoch');
    expect(await own.ended).toBe('arrived 100');
    expect(own.given).toEqual(range(21, 100));
    expect(late).toBeLessThan(100);
    history.before = undefined;
    track.close();
  });

  it('does not take a claim for one of another history that comes while an older page is on its way', async () => {
    const { history, track, come } = arrange();
    for (let offset = 1; offset <= 3; offset++) history.append();
    await come().ended;
    let later: CollectingClaim | undefined;
    history.after = () => {
      history.after = undefined;
      history.append();
      // Another worker has told it of the fourth.
      later = come(history.at(4));
    };
    await come(history.at(1)).ended;
    expect(await later?.ended).toBe('arrived 4');
    expect(track.place).toEqual(history.at(4));
  });
});
