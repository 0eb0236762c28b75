import { describe, expect, it } from 'vitest';
import type { EntryContent } from '../../../../src/gateway/sending/entry.ts';
import { ShedQueue, shown } from '../../../support/shed-queue.ts';

function filled(...parts: readonly (readonly [string | undefined, number, EntryContent?])[]): ShedQueue {
  const outbox = new ShedQueue();
  for (const [name, length, content = 'publication'] of parts) outbox.give(outbox.item(name, content, length), false);
  return outbox;
}

describe('drop-oldest', () => {
  it('drops the oldest of the subscription until an eighth is free, and says how many where they were', () => {
    const outbox = filled(
      ['a', 100],
      [undefined, 100],
      ['b', 100],
      ['a', 50],
      ['a', 50],
      ['a', 100],
      ['a', 100],
      ['a', 200],
    );
    expect(outbox.shed(outbox.item('a', 'publication', 10), 'drop-oldest')).toEqual({
      isQueued: true,
      changedBytes: -140,
      dropped: 2,
    });
    expect(shown(outbox.waiting)).toEqual(['a(2)', '-1', 'b2', 'a4', 'a5', 'a6', 'a7', 'a8']);
    expect(outbox.totalBytes).toBe(660);
  });

  it('lets the note grow, and drops everything of its own before the newcomer', () => {
    const outbox = filled(['b', 600], ['a', 50], ['a', 50], ['a', 50]);
    outbox.give(outbox.item('a', 'publication', 100));
    expect(shown(outbox.waiting)).toEqual(['b0', 'a(3)', 'a4']);
    outbox.give(outbox.item('a', 'publication', 110));
    expect(shown(outbox.waiting)).toEqual(['b0', 'a(4)', 'a5']);
  });

  it('drops the newcomer where its own cannot make room, and keeps them', () => {
    const outbox = filled(['b', 600], ['a', 100], [undefined, 50]);
    const tooLarge = outbox.item('a', 'publication', 300);
    expect(outbox.shed(tooLarge, 'drop-oldest')).toEqual({ isQueued: false, changedBytes: 0, dropped: 1 });
    outbox.give(outbox.item(undefined, 'other', 10));
    outbox.give(outbox.item('a', 'publication', 300));
    expect(shown(outbox.waiting)).toEqual(['b0', 'a1', '-2', 'a(2)', '-4']);
    // What fits goes behind the note; what is dropped then has a place of its own.
    outbox.give(outbox.item('a', 'publication', 10));
    outbox.give(outbox.item('a', 'publication', 300));
    expect(shown(outbox.waiting)).toEqual(['b0', 'a1', '-2', 'a(2)', '-4', 'a6', 'a(1)']);
    // Where all between two notes is dropped they are one.
    outbox.give(outbox.item('a', 'publication', 125));
    expect(shown(outbox.waiting)).toEqual(['b0', 'a(5)', '-2', '-4', 'a8']);
  });

  it('drops events of presence and says so, and never a notice that waits', () => {
    const outbox = filled(['a', 300, 'presence'], ['a', 100, 'other'], ['a', 200], [undefined, 150]);
    outbox.give(outbox.item('a', 'publication', 300));
    expect(shown(outbox.waiting)).toEqual(['a(0p)', 'a1', 'a(1)', '-3', 'a4']);
  });

  it('remembers a notice for which there is no room', () => {
    const outbox = filled(['b', 790]);
    outbox.give(outbox.item('a', 'other', 20));
    outbox.give(outbox.item('a', 'publication', 20));
    outbox.give(outbox.item('a', 'presence', 20));
    expect(shown(outbox.waiting)).toEqual(['b0', 'a(1p+)']);
  });

  it('begins a new note when the last one has left', () => {
    const outbox = filled(['b', 400], ['b', 390]);
    outbox.give(outbox.item('a', 'publication', 20));
    expect(shown(outbox.take(3))).toEqual(['b0', 'b1', 'a(1)']);
    outbox.give(outbox.item('b', 'publication', 790));
    outbox.give(outbox.item('a', 'publication', 20));
    expect(shown(outbox.waiting)).toEqual(['b3', 'a(1)']);
  });
});

describe('keep-latest', () => {
  it('puts the newest in the place of the older one, without a note', () => {
    const outbox = filled([undefined, 100]);
    for (const length of [50, 60, 70]) outbox.give(outbox.item('k', 'publication', length));
    outbox.give(outbox.item('a', 'publication', 10));
    expect(outbox.shed(outbox.item('k', 'publication', 40), 'keep-latest')).toEqual({
      isQueued: true,
      changedBytes: -30,
      dropped: 1,
    });
    expect(shown(outbox.waiting)).toEqual(['-0', 'k5', 'a4']);
    expect(outbox.totalBytes).toBe(150);
  });

  it('leaves one of several that waited from before', () => {
    const outbox = filled(['k', 10], ['a', 10], ['k', 10], ['k', 10], ['a', 10]);
    outbox.give(outbox.item('k', 'publication', 20));
    expect(shown(outbox.waiting)).toEqual(['k5', 'a1', 'a4']);
  });

  it('queues the newest when the older one has left', () => {
    const outbox = filled([undefined, 10]);
    outbox.give(outbox.item('k', 'publication', 10));
    outbox.give(outbox.item('k', 'publication', 10));
    expect(shown(outbox.take(2))).toEqual(['-0', 'k2']);
    outbox.give(outbox.item('k', 'publication', 10));
    expect(shown(outbox.waiting)).toEqual(['k3']);
  });

  it('makes room with events of presence, and says that they are missing', () => {
    const outbox = filled(['a', 500], ['k', 100, 'presence'], ['k', 100, 'presence'], ['k', 100]);
    outbox.give(outbox.item('k', 'publication', 120));
    expect(shown(outbox.waiting)).toEqual(['a0', 'k(0p)', 'k4']);
  });
});
