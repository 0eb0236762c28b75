import { describe, expect, it } from 'vitest';
import { BatchStart } from '../../../../src/gateway/sending/batch.ts';
import type { Entry } from '../../../../src/gateway/sending/entry.ts';

function entry(text: string): { readonly entry: Entry; readonly bytes: Buffer } {
  const bytes = Buffer.from(text);
  return { entry: { subscription: undefined, content: 'other', bytesFor: () => bytes }, bytes };
}

describe('a batch', () => {
  it('is shared, with its bytes, by all who are given the same in the same order', () => {
    const start = new BatchStart(0);
    const [one, two, three] = [entry('one'), entry('two'), entry('three')];
    const firsts = Array.from({ length: 3 }, () => start.first(one.entry, one.bytes));
    const seconds = firsts.map((batch) => batch.with(two.entry, two.bytes));
    const thirds = seconds.map((batch) => batch.with(three.entry, three.bytes));
    expect(new Set(thirds).size).toBe(1);
    const [all] = thirds;
    expect(all?.joined.toString()).toBe('onetwothree');
    expect(all?.joined).toBe(all?.joined);
    expect(all?.byteLength).toBe(11);
    expect(all?.entries()).toEqual([one.entry, two.entry, three.entry]);
  });

  it('is another one for who is given something else, and does not change under those who have it', () => {
    const start = new BatchStart(0);
    const [one, two, three] = [entry('one'), entry('two'), entry('three')];
    const first = start.first(one.entry, one.bytes);
    const here = first.with(two.entry, two.bytes);
    const there = first.with(three.entry, three.bytes);
    expect(here.joined.toString()).toBe('onetwo');
    expect(there.joined.toString()).toBe('onethree');
    expect(first.joined.toString()).toBe('one');
    expect(start.first(two.entry, two.bytes).joined.toString()).toBe('two');
  });

  it('of one entry is the bytes of that entry, not a copy', () => {
    const { entry: one, bytes } = entry('one');
    expect(new BatchStart(0).first(one, bytes).joined).toBe(bytes);
  });
});
