import { describe, expect, it } from 'vitest';
import type { Outcome, Sent } from '../support/chat-publisher.ts';
import { judge } from '../support/judge.ts';
import { Track } from '../support/track.ts';

function sent(count: number, outcome: Outcome = 'accepted'): Sent[] {
  return Array.from({ length: count }, (_, i) => ({
    key: `p:${i + 1}`,
    publisher: 'p',
    number: i + 1,
    connection: 1,
    at: i,
    outcome,
    retries: 0,
  }));
}

/** A number is what was heard, at that offset where `epoch` is given; a text is what it was told. */
function track(entries: readonly (number | string)[], epoch?: string): Track {
  const made = new Track('s');
  for (const entry of entries) {
    if (typeof entry === 'string') made.told(entry);
    else made.heard(`p:${entry}`, epoch === undefined ? undefined : { epoch, offset: entry });
  }
  return made;
}

describe('the judge of what subscribers received', () => {
  it('finds nothing wrong where everything came once and in order', () => {
    const [verdict] = judge(sent(3), [track([1, 2, 3], 'e')]);
    expect(verdict).toMatchObject({ received: 3, lost: [], untold: [], duplicated: [], reordered: [] });
  });

  it('finds what is lost, and whether the subscriber was told at the right place', () => {
    const tracks = [track([1, 4]), track([1, 'gap', 4]), track(['gap', 1, 4]), track([1, 4, 'gap']), track([1])];
    expect(judge(sent(4), tracks).map(({ lost, untold }) => [lost, untold])).toEqual([
      [
        ['p:2', 'p:3'],
        ['p:2', 'p:3'],
      ],
      [['p:2', 'p:3'], []],
      [
        ['p:2', 'p:3'],
        ['p:2', 'p:3'],
      ],
      [
        ['p:2', 'p:3'],
        ['p:2', 'p:3'],
      ],
      [
        ['p:2', 'p:3', 'p:4'],
        ['p:2', 'p:3', 'p:4'],
      ],
    ]);
  });

  it('looks at positions where there are some, as what is sent again does not come in the order of its numbers', () => {
    const [one, two, three] = sent(3);
    if (one === undefined || two === undefined || three === undefined) throw new Error('three were sent');
    const again = { ...two, retries: 1 };
    const heardAll = new Track('all');
    const heardTwo = new Track('two');
    for (const [key, offset] of [
      ['p:1', 1],
      ['p:3', 2],
      ['p:2', 3],
    ] as const) {
      heardAll.heard(key, { epoch: 'e', offset });
      if (key !== 'p:2') heardTwo.heard(key, { epoch: 'e', offset });
    }
    expect(judge([one, again, three], [heardAll, heardTwo])[1]?.untold).toEqual(['p:2']);
    heardTwo.told('gap');
    expect(judge([one, again, three], [heardAll, heardTwo])).toMatchObject([
      { lost: [], reordered: [] },
      { lost: ['p:2'], untold: [] },
    ]);
  });

  it('finds what came twice or out of order, by position and without', () => {
    expect(judge(sent(3), [track([1, 2, 2, 3], 'e')])[0]).toMatchObject({ duplicated: ['p:2'], reordered: ['p:2'] });
    expect(judge(sent(3), [track([1, 3, 2])])[0]).toMatchObject({ duplicated: [], reordered: ['p:2'] });
  });

  it('lets a subscriber without positions hear again what it heard on an earlier connection, and no other', () => {
    const again = [1, 2, 3, 'reconnected', 2, 3];
    expect(judge(sent(3), [track(again)])[0]).toMatchObject({ duplicated: [], reordered: [] });
    expect(judge(sent(3), [track(again, 'e')])[0]).toMatchObject({ duplicated: ['p:2', 'p:3'], reordered: ['p:2'] });
    expect(judge(sent(3), [track([1, 2, 'gap', 2, 3])])[0]).toMatchObject({ duplicated: ['p:2'] });
  });

  it('expects of what was not accepted only that all get it or none', () => {
    const publications = sent(2, 'unknown');
    expect(judge(publications, [track([]), track([])]).flatMap(({ lost }) => lost)).toEqual([]);
    expect(judge(publications, [track([2]), track([])]).map(({ lost }) => lost)).toEqual([[], ['p:2']]);
  });

  it('takes no offence where what was never answered comes late', () => {
    const [one, two, three] = sent(3);
    if (one === undefined || two === undefined || three === undefined) throw new Error('three were sent');
    const doubtful = { ...two, outcome: 'unknown' } as const;
    expect(judge([one, doubtful, three], [track([1, 3, 2])])[0]).toMatchObject({ lost: [], reordered: [] });
  });

  it('expects nothing of before the subscriber came', () => {
    const late = track([], 'e');
    late.begin({ epoch: 'e', offset: 2 });
    late.heard('p:4', { epoch: 'e', offset: 4 });
    expect(judge(sent(4), [track([1, 2, 3, 4], 'e'), late]).map(({ lost }) => lost)).toEqual([[], ['p:3']]);
  });
});
