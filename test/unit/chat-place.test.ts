import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { describeGap, describeMissing } from '../../src/apps/chat/page/missing-notice.ts';
import { Place } from '../../src/apps/chat/page/place.ts';
import type { ChatPosition, WelcomeMessage } from '../../src/apps/chat/chat-protocol.ts';

const at = (offset: number, epoch = 'e'): ChatPosition => ({ epoch, offset });

function placeAt(offset: number): Place {
  const place = new Place();
  place.begin(at(offset));
  return place;
}

describe("the page's place in the room", () => {
  it('is none where the room tells none', () => {
    const place = new Place();
    expect(place.since).toBeUndefined();
    place.begin(undefined);
    place.heard(undefined);
    place.sent(undefined);
    place.sent(at(3));
    expect(place.since).toBeUndefined();
  });

  it('moves with what is heard, over what another program said to others only', () => {
    const place = placeAt(4);
    expect(place.since).toBe('e:4');
    place.heard(at(5));
    place.heard(at(8));
    place.heard(undefined);
    place.heard(at(7));
    expect(place.since).toBe('e:8');
  });

  it('moves with what was sent only when nothing can lie between', () => {
    const place = placeAt(4);
    place.sent(at(5));
    expect(place.since).toBe('e:5');
    place.sent(at(7));
    place.sent(at(8));
    expect(place.since).toBe('e:5');
    place.heard(at(6));
    expect(place.since).toBe('e:8');
  });

  it('follows the room into a new history', () => {
    const place = placeAt(4);
    place.sent(at(6));
    place.heard(at(1, 'f'));
    expect(place.since).toBe('f:1');
    place.sent(at(2));
    place.sent(at(2, 'f'));
    expect(place.since).toBe('f:2');
    expect(place.isAhead(at(2, 'f'))).toBe(false);
    expect(place.isAhead(at(1, 'e'))).toBe(true);
    expect(place.isAhead(at(3, 'f'))).toBe(true);
  });

  it('is never beyond a message of somebody else that has not come, whatever was confirmed when', () => {
    // Who said each message, when one's own were confirmed among the others, and where the connection broke.
    const runs = fc
      .array(fc.boolean(), { maxLength: 30 })
      .chain((isOwn) =>
        fc.tuple(
          fc.constant(isOwn),
          fc.array(fc.nat({ max: 60 }), { minLength: isOwn.length, maxLength: isOwn.length }),
          fc.nat({ max: 60 }),
        ),
      );
    fc.assert(
      fc.property(runs, ([isOwn, delays, breakAfter]) => {
        const place = placeAt(0);
        const steps = isOwn
          .map((own, index) => ({ own, offset: index + 1, when: own ? (delays[index] ?? 0) : index * 2 }))
          .toSorted((a, b) => a.when - b.when)
          .slice(0, breakAfter);
        const known = new Set<number>();
        for (const { own, offset } of steps) {
          known.add(offset);
          if (own) place.sent(at(offset));
          else place.heard(at(offset));
        }
        const reached = Number(place.since?.split(':')[1]);
        const missed = isOwn.flatMap((own, index) => (own || known.has(index + 1) ? [] : [index + 1]));
        expect(missed.every((offset) => offset > reached)).toBe(true);
        // And with everything known there is nothing to be told again.
        if (known.size === isOwn.length) expect(reached).toBe(isOwn.length);
      }),
    );
  });
});

describe('what the page says of the time without a connection', () => {
  const welcome = (parts: Partial<WelcomeMessage>) => describeMissing(parts as WelcomeMessage, '09:30');

  it('is nothing when nothing is missing', () => {
    expect(welcome({ recovered: true })).toBeUndefined();
  });

  it.each([
    [{}, 'Connected again. Messages since 09:30 may be missing here: this room does not keep what is said.'],
    [{ recovered: false, reason: 'trimmed' }, /: this page was away for longer than the room remembers\.$/],
    [{ recovered: false, reason: 'epoch' }, /: the room has lost its memory of that time\.$/],
    [{ recovered: false, reason: 'too-many' }, /: more was said than the room can tell again\.$/],
    [
      { recovered: false, reason: 'new reason' as 'epoch' },
      'Connected again. Messages since 09:30 may be missing here.',
    ],
  ] as const)('%j is put as %s', (parts, words) => {
    expect(welcome(parts)).toMatch(words);
  });
});

describe('what the page says of a hole in the conversation', () => {
  it.each([
    [{}, 'The server lost touch with the others for a moment; messages may be missing here.'],
    [{ missed: 1 }, 'One message is missing here: the connection was too slow for all that was said.'],
    [{ missed: 20 }, '20 messages are missing here: the connection was too slow for all that was said.'],
  ])('tells why: %j', (gap, words) => {
    expect(describeGap(gap)).toBe(words);
  });
});
