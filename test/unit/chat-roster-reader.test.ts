import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { RosterReader } from '../../src/apps/chat/roster-reader.ts';
import { withFields, type FieldBytes } from '../../src/apps/chat/with-fields.ts';
import type { PresenceMember, PresencePage } from '../../src/broker/broker.ts';
import { deferred, type Deferred } from '../support/deferred.ts';

/** Pages that the test hands out, one per question. */
class HandFedPages {
  readonly asked: { readonly limit: number; readonly cursor: string | undefined }[] = [];
  readonly reader: RosterReader;
  #page: Deferred<PresencePage | Promise<never>> = deferred();

  constructor() {
    this.reader = new RosterReader(async (limit, cursor) => {
      this.asked.push({ limit, cursor });
      return await this.#page.promise;
    });
  }

  async give(page: PresencePage | Promise<never>): Promise<void> {
    const given = this.#page;
    this.#page = deferred();
    given.resolve(page);
    await microtasks();
  }
}

function members(count: number, from = 0): PresenceMember[] {
  return Array.from({ length: count }, (_, index) => ({ connectionId: `c${from + index}` }));
}

async function microtasks(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

async function idsOf(roster: Promise<FieldBytes>): Promise<{ ids: string[]; complete: boolean }> {
  const message = JSON.parse(String(withFields({ type: 'members' }, [await roster]))) as {
    members: { id: string }[];
    complete: boolean;
  };
  return { ids: message.members.map(({ id }) => id), complete: message.complete };
}

describe('readings of a roster', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout'] }));
  afterEach(() => void vi.useRealTimers());

  it('are shared by all who had asked when one began, and begin after the question', async () => {
    const pages = new HandFedPages();
    const early = [pages.reader.read(), pages.reader.read()];
    await microtasks();
    expect(pages.asked).toHaveLength(1);
    // Too late for the reading that is under way: what this one knows of may be missing there.
    const late = [pages.reader.read(), pages.reader.read()];
    await microtasks();
    expect(pages.asked).toHaveLength(1);
    await pages.give({ members: members(1) });
    for (const roster of early) expect(await idsOf(roster)).toEqual({ ids: ['c0'], complete: true });
    expect(pages.asked).toHaveLength(2);
    await pages.give({ members: members(2) });
    for (const roster of late) expect(await idsOf(roster)).toEqual({ ids: ['c0', 'c1'], complete: true });
    expect(pages.asked).toHaveLength(2);
  });

  it('rest after a long list for longer than after a short one', async () => {
    const pages = new HandFedPages();
    for (const [count, restMs] of [
      [5, 0],
      [1_000, 100],
      [200, 20],
    ] as const) {
      const asked = pages.asked.length;
      const roster = pages.reader.read();
      await microtasks();
      await pages.give({ members: members(count) });
      expect((await idsOf(roster)).ids).toHaveLength(count);
      const next = pages.reader.read();
      if (restMs > 0) {
        await vi.advanceTimersByTimeAsync(restMs - 1);
        expect(pages.asked).toHaveLength(asked + 1);
        await vi.advanceTimersByTimeAsync(1);
      }
      await microtasks();
      expect(pages.asked).toHaveLength(asked + 2);
      await pages.give({ members: [] });
      await next;
    }
  });

  it('go over several pages, up to a thousand members', async () => {
    const pages = new HandFedPages();
    const roster = pages.reader.read();
    await microtasks();
    await pages.give({ members: members(600), cursor: 'a' });
    await pages.give({ members: members(400, 600), cursor: 'b' });
    expect(pages.asked).toEqual([
      { limit: 1_000, cursor: undefined },
      { limit: 400, cursor: 'a' },
    ]);
    const { ids, complete } = await idsOf(roster);
    expect(new Set(ids).size).toBe(1_000);
    expect(complete).toBe(false);
  });

  it('that fail are the misfortune of those only who share them', async () => {
    const pages = new HandFedPages();
    const unlucky = [pages.reader.read(), pages.reader.read()].map((roster) => idsOf(roster));
    const failures = Promise.allSettled(unlucky);
    await microtasks();
    const lucky = pages.reader.read();
    const failed = Promise.reject(new Error('down'));
    failed.catch(() => {});
    await pages.give(failed);
    expect((await failures).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    await microtasks();
    await pages.give({ members: members(1) });
    expect(await idsOf(lucky)).toEqual({ ids: ['c0'], complete: true });
  });
});

describe('a message with a roster', () => {
  it('is one JSON object with the fields of both, whatever is in them', async () => {
    const reader = new RosterReader(async () => ({
      members: [{ connectionId: 'a', user: 'Åsa', info: '{"nick":"🔔\\"","address":"192.0.2.1"}' }],
    }));
    const message = { type: 'members', ref: '}"' };
    expect(JSON.parse(String(withFields(message, [await reader.read()])))).toEqual({
      type: 'members',
      ref: '}"',
      members: [{ id: 'a', nick: '🔔"', user: 'Åsa', address: '192.0.2.1' }],
      complete: true,
    });
  });
});
