import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { FlushScheduler, type Flushable, type Paced } from '../../../../src/gateway/sending/flush-scheduler.ts';
import { until } from '../../../support/until.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Occupies the thread for that long, as many writes do. */
function work(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Outboxes that are given something again whenever they are flushed: a slice is not enough for one round of them. */
function keepBusy(scheduler: FlushScheduler, flushed: () => void = () => {}): Disposable {
  let isBusy = true;
  for (let i = 0; i < 64; i++) {
    const outbox = {
      flush: () => {
        work(0.5);
        flushed();
        if (isBusy) scheduler.schedule(outbox);
      },
    };
    scheduler.schedule(outbox);
  }
  return { [Symbol.dispose]: () => (isBusy = false) };
}

describe('the flush scheduler', () => {
  it('flushes at the end of the turn, once, in the order of scheduling', async () => {
    const scheduler = new FlushScheduler();
    const flushed: number[] = [];
    // So few that nobody looks at the clock between them: on a busy machine a slice may be over at once.
    for (let i = 0; i < 10; i++) scheduler.schedule({ flush: () => flushed.push(i) });
    expect(flushed).toEqual([]);
    await turn();
    expect(flushed).toEqual(Array.from({ length: 10 }, (_, i) => i));
    await turn();
    expect(flushed).toHaveLength(10);
  });

  it('flushes in the next turn what is scheduled by a flush', async () => {
    const scheduler = new FlushScheduler();
    const flushed: string[] = [];
    scheduler.schedule({
      flush: () => {
        flushed.push('first');
        scheduler.schedule({ flush: () => flushed.push('second') });
      },
    });
    await turn();
    expect(flushed).toEqual(['first']);
    await turn();
    expect(flushed).toEqual(['first', 'second']);
  });

  it('lets everything else have its turn between slices of what takes long', async () => {
    const scheduler = new FlushScheduler();
    let flushed = 0;
    for (let i = 0; i < 200; i++) scheduler.schedule({ flush: () => (work(0.5), flushed++) });
    const seen: number[] = [];
    while (flushed < 200) {
      await turn();
      seen.push(flushed);
    }
    expect(seen.length).toBeGreaterThan(5);
    // Never much more than a slice at a time, whatever the machine.
    expect(Math.max(...seen.map((count, i) => count - (seen[i - 1] ?? 0)))).toBeLessThanOrEqual(32);
  });

  it('does not keep those of a small fan-out waiting for those of a large one', async () => {
    const scheduler = new FlushScheduler();
    const flushed: string[] = [];
    const bulk = Array.from({ length: 500 }, () => ({ flush: () => (work(0.5), flushed.push('large')) }));
    scheduler.begin(100_000);
    for (const outbox of bulk) scheduler.schedule(outbox);
    scheduler.end();
    await turn();
    expect(flushed.length).toBeLessThan(500);
    scheduler.begin(10);
    scheduler.schedule({ flush: () => flushed.push('small') });
    scheduler.end();
    const before = flushed.length;
    await turn();
    expect(flushed[before]).toBe('small');
    while (flushed.length < 501) await turn();
    expect(flushed.filter((size) => size === 'large')).toHaveLength(500);
  });

  it('goes on with the large fan-out however much the small ones have to send', async () => {
    const scheduler = new FlushScheduler();
    let large = 0;
    scheduler.begin(100_000);
    for (let i = 0; i < 100; i++) scheduler.schedule({ flush: () => void large++ });
    scheduler.end();
    // A small room that never rests.
    const busy = { flush: () => (work(1), scheduler.schedule(busy)) };
    for (let i = 0; i < 32; i++) scheduler.schedule(busy);
    for (let turns = 0; turns < 50 && large < 100; turns++) await turn();
    expect(large).toBe(100);
  });

  it('counts a round when all who waited at its beginning were flushed, although it is late all the time', async () => {
    const scheduler = new FlushScheduler();
    let flushed = 0;
    using _busy = keepBusy(scheduler, () => flushed++);
    await turn();
    const before = { flushed, rounds: scheduler.rounds };
    while (flushed < before.flushed + 5 * 64) {
      await turn();
      expect(scheduler.isLate).toBe(true);
    }
    const rounds = scheduler.rounds - before.rounds;
    expect(rounds).toBeGreaterThan(2);
    // Each has its turn before the round is over.
    expect(rounds).toBeLessThanOrEqual(6);
  });

  it('keeps nobody who was flushed, although it is late all the time', async () => {
    const scheduler = new FlushScheduler();
    let isFlushed = false;
    const gone = new WeakRef({ flush: () => (isFlushed = true) });
    const schedule = (): void => {
      const outbox = gone.deref();
      if (outbox !== undefined) scheduler.schedule(outbox);
    };
    schedule();
    using _busy = keepBusy(scheduler);
    await until(() => isFlushed);
    await until(() => {
      collect();
      return gone.deref() === undefined;
    });
    expect(scheduler.isLate).toBe(true);
  });

  it('tells when what was given before has been flushed, and not before', async () => {
    const scheduler = new FlushScheduler();
    const happened: string[] = [];
    for (const name of ['one', 'two']) {
      scheduler.begin(1);
      scheduler.schedule({ flush: () => happened.push(`flushed ${name}`) });
      scheduler.whenFlushed({ flushed: () => happened.push(`told ${name}`) });
      scheduler.end();
    }
    expect(happened).toEqual([]);
    await turn();
    expect(happened).toEqual(['flushed one', 'flushed two', 'told one', 'told two']);
  });

  it('tells at once where nothing had to be scheduled', () => {
    let told = 0;
    new FlushScheduler().whenFlushed({ flushed: () => told++ });
    expect(told).toBe(1);
  });

  it('does not wait with what went to few for what went to many', async () => {
    const scheduler = new FlushScheduler();
    const happened: string[] = [];
    const many = 200;
    let left = many;
    scheduler.begin(200_000);
    for (let i = 0; i < many; i++) {
      scheduler.schedule({
        flush: () => {
          work(0.2);
          left--;
        },
      });
    }
    scheduler.whenFlushed({ flushed: () => happened.push(`many, ${left} left`) });
    scheduler.end();
    scheduler.begin(1);
    scheduler.schedule({ flush: () => {} });
    scheduler.whenFlushed({ flushed: () => happened.push(left > 0 ? 'few' : 'few, too late') });
    scheduler.end();
    await until(() => happened.length === 2);
    expect(happened).toEqual(['few', 'many, 0 left']);
  });
});

/** What a room gives to its subscribers. */
interface FanOut {
  readonly room: Paced;
  readonly to: readonly Flushable[];
  /** All, those among them who wait for their turn already. */
  readonly subscribers?: number;
  /** undefined: all of them. */
  readonly given?: number;
  readonly bytes?: number;
}

function fanOut(
  scheduler: FlushScheduler,
  { room, to, subscribers = 1_000, given = subscribers, bytes = 100 }: FanOut,
  flushed?: () => void,
): void {
  scheduler.begin(subscribers, room);
  for (const outbox of to) scheduler.schedule(outbox);
  if (flushed !== undefined) scheduler.whenFlushed({ flushed });
  scheduler.end(given, bytes);
}

/** Has it know that a flush takes 2 ms, so that a room of 1,000 rests for as long as it may. */
async function busyScheduler(gatherMs: number): Promise<FlushScheduler> {
  const scheduler = new FlushScheduler(gatherMs);
  const slow = Array.from({ length: 16 }, () => ({ flush: () => work(2) }));
  for (let i = 0; i < 8; i++) {
    let isFlushed = false;
    fanOut(scheduler, { room: {}, to: slow }, () => (isFlushed = true));
    await until(() => isFlushed);
  }
  return scheduler;
}

describe('a room with many subscribers', () => {
  it('sends at once when it has rested, and gathers what follows, to send it together', async () => {
    const scheduler = await busyScheduler(1_000);
    const room: Paced = {};
    const happened: string[] = [];
    const outbox = { flush: () => void happened.push('flushed') };
    fanOut(scheduler, { room, to: [outbox] }, () => happened.push('told first'));
    await turn();
    expect(happened).toEqual(['flushed', 'told first']);
    fanOut(scheduler, { room, to: [outbox] }, () => happened.push('told second'));
    // An outbox that waits is not given to the scheduler again.
    fanOut(scheduler, { room, to: [] }, () => happened.push('told third'));
    await turn();
    expect(happened).toHaveLength(2);
    await until(() => happened.length === 5);
    expect(happened.slice(2)).toEqual(['flushed', 'told second', 'told third']);
  });

  it('sends what it is given before it has sent along with it', async () => {
    const scheduler = await busyScheduler(10_000);
    const room: Paced = {};
    const happened: string[] = [];
    fanOut(scheduler, { room, to: [{ flush: () => happened.push('flushed') }] }, () => happened.push('told first'));
    fanOut(scheduler, { room, to: [] }, () => happened.push('told second'));
    await turn();
    expect(happened).toEqual(['flushed', 'told first', 'told second']);
  });

  it('sends as soon as what it has gathered is worth a write', async () => {
    const scheduler = await busyScheduler(10_000);
    const room: Paced = {};
    let flushed = 0;
    const outbox = { flush: () => flushed++ };
    fanOut(scheduler, { room, to: [outbox] });
    await turn();
    for (let i = 0; i < 20; i++) fanOut(scheduler, { room, to: i === 0 ? [outbox] : [] });
    await turn();
    expect(flushed).toBe(1);
    fanOut(scheduler, { room, to: [], bytes: 48 });
    await turn();
    expect(flushed).toBe(2);
  });

  it('keeps neither small rooms nor other large ones waiting', async () => {
    const scheduler = await busyScheduler(10_000);
    const room: Paced = {};
    const flushed: string[] = [];
    fanOut(scheduler, { room, to: [{ flush: () => {} }] });
    await turn();
    fanOut(scheduler, { room, to: [{ flush: () => flushed.push('the same') }] });
    fanOut(scheduler, { room: {}, to: [{ flush: () => flushed.push('another') }] });
    fanOut(scheduler, { room: {}, to: [{ flush: () => flushed.push('small') }], subscribers: 250 });
    scheduler.schedule({ flush: () => flushed.push('direct') });
    await turn();
    expect(flushed).toEqual(['small', 'direct', 'another']);
  });

  it('gathers nothing where it is told not to, nor where it is a small one, nor after what was given to nobody', async () => {
    for (const [gatherMs, subscribers, given] of [
      [0, 1_000, 1_000],
      [10_000, 250, 250],
      [10_000, 1_000, 0],
    ] as const) {
      const scheduler = await busyScheduler(gatherMs);
      const room: Paced = {};
      let flushed = 0;
      for (let i = 1; i <= 3; i++) {
        fanOut(scheduler, { room, to: [{ flush: () => flushed++ }], subscribers, given });
        await turn();
        expect(flushed).toBe(i);
      }
    }
  });

  it('rests for longer where flushes take longer, and never for longer than it may', async () => {
    const rested = async (gatherMs: number): Promise<number> => {
      const scheduler = await busyScheduler(gatherMs);
      const room: Paced = {};
      let flushed = 0;
      const outbox = { flush: () => flushed++ };
      fanOut(scheduler, { room, to: [outbox], subscribers: 251 });
      await turn();
      const start = performance.now();
      fanOut(scheduler, { room, to: [outbox], subscribers: 251 });
      await turn();
      expect(flushed).toBe(1);
      await until(() => flushed === 2);
      return performance.now() - start;
    };
    // At first 251 flushes are expected to take 3 ms; 2 ms each have been seen since.
    expect(await rested(300)).toBeGreaterThan(200);
    expect(await rested(600)).toBeGreaterThan(450);
  });
});
