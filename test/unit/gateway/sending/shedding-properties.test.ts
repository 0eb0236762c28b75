import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Entry, EntryContent } from '../../../../src/gateway/sending/entry.ts';
import { MissedNote } from '../../../../src/gateway/sending/missed-note.ts';
import { capBytes, Item, lengthOf, policies, ShedQueue, shown } from '../../../support/shed-queue.ts';

type Step = { readonly give: readonly [string | undefined, EntryContent, number, boolean] } | { readonly take: number };

const steps: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        give: fc.tuple(
          fc.constantFrom('a', 'a', 'b', 'k', 'k', undefined),
          fc.constantFrom<EntryContent>('publication', 'publication', 'publication', 'presence', 'other'),
          fc.oneof(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1, max: 500 }), fc.constant(900)),
          fc.boolean(),
        ),
      }),
    },
    { weight: 1, arbitrary: fc.record({ take: fc.integer({ min: 1, max: 6 }) }) },
  ),
  { maxLength: 120 },
);

/** What a policy does, said without regard to what it costs: looks at the whole queue each time and remembers nothing. */
function expected(
  queue: readonly string[],
  items: ReadonlyMap<string, Item>,
  item: Item,
  totalBytes: number,
): string[] {
  const name = item.subscription ?? '';
  const policy = policies[name];
  const next = [...queue];
  const isPublication = (one: string): boolean => items.get(one)?.content === 'publication';
  const isOwn = (one: string): boolean => one.startsWith(name);
  const bytesOf = (ones: readonly string[]): number =>
    ones.reduce((sum, one) => sum + (items.get(one)?.length ?? 0), 0);
  const label = `${name}${item.number}`;
  if (policy === 'keep-latest' && item.content === 'publication') {
    const older = next.filter((one) => isOwn(one) && isPublication(one));
    const [oldest] = older;
    if (oldest !== undefined && totalBytes - bytesOf(older) + item.length <= capBytes)
      return next.flatMap((one) => (one === oldest ? [label] : older.includes(one) ? [] : [one]));
  }
  const add = (note: string | undefined, { content }: Pick<Item, 'content'>): string => {
    const [, count = '0', presence = '', more = ''] = /\((\d+)(p?)(\+?)\)/.exec(note ?? '') ?? [];
    const publications = Number(count) + (content === 'publication' ? 1 : 0);
    return `${name}(${publications}${content === 'presence' ? 'p' : presence}${content === 'other' ? '+' : more})`;
  };
  const isTold = ({ content }: Item): boolean => policy === 'drop-oldest' || content !== 'publication';
  const excess = totalBytes + item.length - capBytes;
  if (excess <= 0) return [...next, label];
  const droppable = next.filter((one) => isOwn(one) && items.has(one) && items.get(one)?.content !== 'other');
  if (bytesOf(droppable) < excess) {
    if (!isTold(item)) return next;
    const last = next.findLastIndex(isOwn);
    const note = next[last];
    if (note === undefined || items.has(note)) return [...next, add(undefined, item)];
    next[last] = add(note, item);
    return next;
  }
  let count = 0;
  while (count < droppable.length && bytesOf(droppable.slice(0, count)) < excess + capBytes / 8) count++;
  const dropped = new Set(droppable.slice(0, count));
  const left: string[] = [];
  let row: number | undefined;
  for (const one of next) {
    const entry = items.get(one);
    if (dropped.has(one) && entry !== undefined) {
      if (!isTold(entry)) continue;
      row ??= left.push(`${name}(0)`) - 1;
      left[row] = add(left[row], entry);
    } else if (isOwn(one) && entry === undefined && row !== undefined) {
      const [, publications = '0', presence = '', more = ''] = /\((\d+)(p?)(\+?)\)/.exec(one) ?? [];
      for (let i = 0; i < Number(publications); i++) left[row] = add(left[row], { content: 'publication' });
      if (presence !== '') left[row] = add(left[row], { content: 'presence' });
      if (more !== '') left[row] = add(left[row], { content: 'other' });
    } else {
      left.push(one);
      if (isOwn(one)) row = entry === undefined ? left.length - 1 : undefined;
    }
  }
  return [...left, label];
}

describe('the policies', () => {
  it('do to any queue what a plain description of them says, and keep it under the cap', () => {
    fc.assert(
      fc.property(steps, fc.constantFrom(0, 100, 700, 800), (all, inFlightBytes) => {
        const outbox = new ShedQueue(inFlightBytes);
        const items = new Map<string, Item>();
        let queue: string[] = [];
        for (const step of all) {
          if ('take' in step) {
            queue = queue.slice(outbox.take(step.take).length);
          } else {
            const [name, content, length, isBehind] = step.give;
            const item = outbox.item(name, content, length);
            items.set(`${name ?? '-'}${item.number}`, item);
            const { totalBytes } = outbox;
            const isAsked = totalBytes + length > capBytes || (isBehind && name === 'k' && content === 'publication');
            if (!outbox.give(item, isBehind)) continue;
            queue = isAsked ? expected(queue, items, item, totalBytes) : [...queue, `${name ?? '-'}${item.number}`];
          }
          expect(shown(outbox.waiting)).toEqual(queue);
          expect(outbox.waitingBytes).toBe(outbox.waiting.reduce((sum, entry) => sum + lengthOf(entry), 0));
          expect(outbox.totalBytes).toBeLessThanOrEqual(capBytes);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it('tell each client exactly what it was not given, where it is missing, and keep the order of all the rest', () => {
    fc.assert(
      fc.property(steps, (all) => {
        const outbox = new ShedQueue();
        const given: Item[] = [];
        const received: Entry[] = [];
        let dropped = 0;
        for (const step of all) {
          if ('take' in step) {
            received.push(...outbox.take(step.take));
            continue;
          }
          const [name, content, length, isBehind] = step.give;
          // Of the latest alone nobody is told what came before it.
          const item = outbox.item(name === 'k' ? 'a' : name, content, length);
          if (outbox.give(item, isBehind)) given.push(item);
        }
        received.push(...outbox.take(Infinity));
        const numbers = received.flatMap((entry) => (entry instanceof Item ? [entry.number] : []));
        expect(numbers).toEqual(numbers.toSorted((one, other) => one - other));
        for (const name of ['a', 'b']) {
          // Everything of the subscription in order: what came, and between two of it what the notes say is missing.
          const left = given.filter(({ subscription }) => subscription === name);
          let told = new MissedNote(name, () => Buffer.alloc(0));
          for (const entry of [...received.filter(({ subscription }) => subscription === name), undefined]) {
            if (entry instanceof MissedNote) {
              told.absorb(entry);
              continue;
            }
            const missing = left.splice(0, entry === undefined ? left.length : left.indexOf(entry as Item));
            const { publications, hasPresence, hasMore } = told;
            expect({ publications, hasPresence, hasMore }).toEqual({
              publications: missing.filter(({ content }) => content === 'publication').length,
              hasPresence: missing.some(({ content }) => content === 'presence'),
              hasMore: missing.some(({ content }) => content === 'other'),
            });
            dropped += missing.length;
            left.shift();
            told = new MissedNote(name, () => Buffer.alloc(0));
          }
        }
        const others = given.filter(({ subscription }) => subscription === undefined);
        expect(received.filter(({ subscription }) => subscription === undefined)).toEqual(others);
        expect(numbers.length + dropped).toBe(given.length);
      }),
      { numRuns: 2_000 },
    );
  });
});
