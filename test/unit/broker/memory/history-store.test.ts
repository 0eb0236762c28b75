import { describe, expect, it } from 'vitest';
import { idempotencyMs, type HistoryRule } from '../../../../src/broker/broker.ts';
import { HistoryStore, type HistoryStoreOptions } from '../../../../src/broker/memory/history-store.ts';
import { until } from '../../../support/until.ts';

/** A store of texts whose clock the test turns. */
class TextStore {
  nowMs = 0;
  readonly store: HistoryStore<string>;

  constructor(options: Partial<HistoryStoreOptions> = {}) {
    this.store = new HistoryStore(
      (text) => text.length,
      options,
      () => this.nowMs,
    );
  }

  keep(name: string, text: string, rule: Partial<HistoryRule> = {}, id?: string): number | undefined {
    const options = { history: { size: 100, ttl: 60, ...rule }, ...(id === undefined ? {} : { id }) };
    return this.store.accept(name, options, () => text).position?.offset;
  }

  texts(name: string): readonly string[] {
    return this.store.read(name, { limit: 1_000 }).entries;
  }

  epoch(name: string): string {
    return this.store.read(name, { limit: 0 }).position.epoch;
  }
}

const kibibyte = 'x'.repeat(1_024);

describe('HistoryStore', () => {
  it('keeps each entry for its time, and never answers one whose time is up', () => {
    const clock = new TextStore();
    clock.keep('room', 'a', { ttl: 10 });
    clock.nowMs = 4_000;
    clock.keep('room', 'b', { ttl: 10 });
    clock.nowMs = 9_999;
    expect(clock.texts('room')).toEqual(['a', 'b']);
    clock.nowMs = 10_000;
    expect(clock.texts('room')).toEqual(['b']);
    clock.nowMs = 14_000;
    expect(clock.texts('room')).toEqual([]);
    expect(clock.store.stats).toMatchObject({ names: 1, entries: 0 });
    expect(clock.keep('room', 'c')).toBe(3);
  });

  it('keeps an entry with a short time as long as its elders, so that there is no hole', () => {
    const clock = new TextStore();
    clock.keep('room', 'a', { ttl: 10 });
    clock.keep('room', 'b', { ttl: 1 });
    clock.keep('room', 'c', { ttl: 20 });
    clock.nowMs = 5_000;
    expect(clock.texts('room')).toEqual(['a', 'b', 'c']);
    clock.nowMs = 10_000;
    expect(clock.texts('room')).toEqual(['c']);
  });

  it('above its cap takes first from the name that was published to the longest ago, which is trimmed then', () => {
    const clock = new TextStore({ historyBytes: 12 * 1_600 });
    for (let index = 0; index < 4; index++) clock.keep('old', `old ${index} ${kibibyte}`);
    for (let index = 0; index < 4; index++) clock.keep('new', `new ${index} ${kibibyte}`);
    const position = clock.store.read('old', { limit: 0 }).position;
    expect(clock.store.stats).toMatchObject({ entries: 8, evicted: 0 });
    for (let index = 4; clock.store.stats.evicted < 6; index++) clock.keep('new', `new ${index} ${kibibyte}`);

    expect(clock.texts('old')).toEqual([]);
    expect(clock.texts('new')[0]).toMatch(/^new 2 /);
    expect(clock.store.stats.bytes).toBeLessThanOrEqual(12 * 1_600);
    expect(
      clock.store.read('new', { since: { ...clock.store.read('new', { limit: 0 }).position, offset: 1 }, limit: 9 })
        .lost,
    ).toBe('trimmed');
    // Its position is still known while there is room for that.
    const later = clock.store.read('old', { since: { ...position, offset: 1 }, limit: 9 });
    expect(['trimmed', 'epoch']).toContain(later.lost);
  });

  it('forgets the positions of names without entries before it gives up entries', () => {
    const clock = new TextStore({ historyBytes: 100_000 });
    const first = clock.epoch('idle 0');
    clock.keep('room', 'a');
    for (let index = 1; index < 1_000; index++) clock.epoch(`idle ${index}`);
    expect(clock.store.stats.bytes).toBeLessThanOrEqual(100_000);
    expect(clock.store.stats.names).toBeLessThan(300);
    expect(clock.store.stats).toMatchObject({ entries: 1, evicted: 0 });
    expect(clock.texts('room')).toEqual(['a']);
    expect(clock.epoch('idle 0')).not.toBe(first);
    const last = clock.epoch('idle 999');
    expect(clock.epoch('idle 999')).toBe(last);
  });

  it('keeps nothing that is alone more than its cap, and still counts it', () => {
    const clock = new TextStore({ historyBytes: 3_000 });
    expect(clock.keep('room', 'x'.repeat(10_000))).toBe(1);
    expect(clock.texts('room')).toEqual([]);
    expect(clock.keep('room', 'b')).toBe(2);
    expect(clock.texts('room')).toEqual(['b']);
  });

  it('accounts for every byte: with all gone nothing is left', async () => {
    const clock = new TextStore({ idleMs: 1_000, historyBytes: 40_000 });
    for (let index = 0; index < 500; index++) {
      clock.keep(
        `room ${index % 17}`,
        kibibyte.slice(index),
        { size: 1 + (index % 5), ttl: 1 + (index % 3) },
        `${index}`,
      );
      clock.nowMs += 20;
    }
    expect(clock.store.stats.names).toBeGreaterThan(0);
    expect(clock.store.stats.ids).toBe(500);
    // Each sweep turns idle what has expired, and forgets what has long been so.
    await until(() => {
      clock.nowMs += idempotencyMs;
      return clock.store.stats.names === 0;
    });
    expect(clock.store.stats).toMatchObject({ names: 0, entries: 0, bytes: 0, ids: 0 });
    clock.store.close();
  });

  it('begins a new epoch after it has forgotten a name', async () => {
    const clock = new TextStore({ idleMs: 1_000 });
    clock.keep('room', 'a', { ttl: 1 });
    const before = clock.store.read('room', { limit: 0 }).position;
    await until(() => {
      clock.nowMs += 10_000;
      return clock.store.stats.names === 0;
    });
    expect(clock.store.read('room', { since: before, limit: 10 })).toMatchObject({
      lost: 'epoch',
      position: { offset: 0 },
    });
    expect(clock.epoch('room')).not.toBe(before.epoch);
    clock.store.close();
  });

  it('does not hold the process, and no longer sweeps once it is closed', () => {
    const clock = new TextStore();
    const timers = (): number => process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length;
    const before = timers();
    clock.keep('room', 'a');
    expect(timers()).toBe(before);
    clock.store.close();
    expect(clock.keep('room', 'b')).toBe(2);
  });

  it('remembers ids for some minutes, with the position of then', () => {
    const clock = new TextStore();
    expect(clock.keep('room', 'a', {}, 'id')).toBe(1);
    clock.keep('room', 'b');
    clock.nowMs = idempotencyMs - 1;
    const again = clock.store.accept('room', { history: { size: 9, ttl: 9 }, id: 'id' }, () => 'again');
    expect(again.position?.offset).toBe(1);
    expect(Object.hasOwn(again, 'entry')).toBe(false);
    clock.nowMs = idempotencyMs;
    expect(clock.keep('room', 'a', {}, 'id')).toBe(3);
  });

  it('forgets the oldest ids above its bounds in number and in bytes', () => {
    for (const [bounds, most] of [
      [{ ids: 10 }, 10],
      [{ idBytes: 5_000 }, 24],
    ] as const) {
      const clock = new TextStore(bounds);
      for (let index = 0; index < 100; index++) clock.store.accept('', { id: `${index}` }, () => '');
      expect(clock.store.stats.ids).toBeLessThanOrEqual(most);
      expect(clock.store.stats.ids).toBeGreaterThan(most / 2);
      expect(clock.store.accept('', { id: '99' }, () => 'again').entry).toBeUndefined();
      expect(clock.store.accept('', { id: '50' }, () => 'again').entry).toBe('again');
    }
  });
});
