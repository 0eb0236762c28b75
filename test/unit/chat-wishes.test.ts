import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readWishes } from '../../src/apps/chat/read-wishes.ts';

const read = (query: Record<string, string>) => readWishes(new URLSearchParams(query));

describe('what a JSON client asks for in its handshake', () => {
  it('may be nothing', () => {
    expect(read({})).toEqual({ problems: [] });
    expect(read({ other: '1' })).toEqual({ problems: [] });
  });

  it('may be a name, and a place to go on from', () => {
    expect(read({ nick: ' Anna ', since: 'e:0' })).toEqual({
      nick: 'Anna',
      since: { epoch: 'e', offset: 0 },
      problems: [],
    });
  });

  it('is any position that the room may have told', () => {
    const positions = fc.record({ epoch: fc.string({ minLength: 1, maxLength: 128 }), offset: fc.maxSafeNat() });
    fc.assert(
      fc.property(positions, (position) => {
        const query = new URLSearchParams({ since: `${position.epoch}:${position.offset}` });
        expect(readWishes(new URLSearchParams(query.toString()))).toEqual({ since: position, problems: [] });
      }),
    );
  });

  it.each([
    '',
    ':',
    'e',
    'e:',
    ':1',
    'e:-1',
    'e:1.5',
    'e:one',
    'e:9007199254740993',
    `${'e'.repeat(129)}:1`,
    'x'.repeat(9_999),
  ])('is left out and explained when the place is %j', (since) => {
    const { problems, ...rest } = read({ since, nick: 'Anna' });
    expect(rest).toEqual({ nick: 'Anna' });
    expect(problems).toMatchObject([
      { type: 'error', code: 'bad-field', field: 'since', message: expect.stringMatching(/expected <epoch>:<offset>/) },
    ]);
    expect(problems[0]?.message.length).toBeLessThan(200);
  });

  it('is explained for each that is wrong', () => {
    expect(read({ nick: 'n'.repeat(33), since: 'x' }).problems).toMatchObject([
      { code: 'too-long', field: 'nick' },
      { code: 'bad-field', field: 'since' },
    ]);
  });
});
