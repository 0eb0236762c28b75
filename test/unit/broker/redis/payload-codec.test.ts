import { isUtf8 } from 'node:buffer';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PresenceMember, Publication } from '../../../../src/broker/broker.ts';
import { writeEnvelope } from '../../../../src/broker/redis/envelope.ts';
import {
  decodeMember,
  decodePayload,
  encodeKept,
  encodeMember,
  encodePublication,
  type Payload,
} from '../../../../src/broker/redis/payload-codec.ts';

const text = fc.string({ unit: 'binary' });
const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array));
const content: fc.Arbitrary<Pick<Publication, 'data' | 'kind'>> = fc.oneof(
  text.map((each) => ({ data: Buffer.from(each), kind: 'text' as const })),
  text.map((each) => ({ data: Buffer.from(each), kind: 'binary' as const })),
  bytes.map((data) => ({ data, kind: 'binary' as const })),
  bytes.map((data) => ({ data: Buffer.concat([Buffer.from([0xff]), data]), kind: 'binary' as const })),
);
const publication: fc.Arbitrary<Publication> = fc
  .record(
    {
      content,
      exclude: fc.array(text, { maxLength: 5 }),
      info: fc.oneof(
        text,
        text.map((each) => each.repeat(50)),
      ),
      position: fc.record({ epoch: text, offset: fc.maxSafeNat() }),
      publishedMs: fc.maxSafeNat(),
    },
    { requiredKeys: ['content', 'exclude'] },
  )
  .map(({ content: { data, kind }, ...rest }) => ({ subscription: 'any', data, kind, ...rest }));
const member: fc.Arbitrary<PresenceMember> = fc.record(
  { connectionId: text, user: text, info: text },
  { requiredKeys: ['connectionId'] },
);

function published(payload: Payload): Publication {
  if (payload.type !== 'publication') throw new Error(JSON.stringify(payload));
  return payload.publication;
}

describe('the payload', () => {
  it('brings every publication back as it was', () => {
    fc.assert(
      fc.property(publication, (given) => {
        const payload = encodePublication(given);
        // A bare payload has no place for the time.
        const { publishedMs: _publishedMs, ...timeless } = given;
        expect(published(decodePayload('any', payload))).toEqual(payload === given.data ? timeless : given);
        // And what is kept has neither it nor the position.
        const { position: _position, ...kept } = timeless;
        expect(published(decodePayload('any', encodeKept(given)))).toEqual(kept);
      }),
      { numRuns: 2_000 },
    );
  });

  it('is the data itself wherever that says all but the time', () => {
    fc.assert(
      fc.property(content, fc.option(fc.maxSafeNat(), { nil: undefined }), ({ data, kind }, publishedMs) => {
        const time = publishedMs === undefined ? {} : { publishedMs };
        const payload = encodePublication({ subscription: 'any', data, kind, exclude: [], ...time });
        const saysItAll = isUtf8(data) ? kind === 'text' : data[0] !== 0xff;
        expect(payload.equals(data)).toBe(saysItAll);
      }),
    );
  });

  it('is never taken for an envelope because of its data, whatever kind it claims', () => {
    const data = writeEnvelope(5, [], Buffer.from('token'));
    for (const kind of ['text', 'binary'] as const) {
      const payload = encodePublication({ subscription: 'any', data, kind, exclude: [] });
      expect(published(decodePayload('any', payload))).toMatchObject({ data, kind: 'binary' });
    }
  });

  it('is read without an exception, whatever it is', () => {
    const envelope = fc
      .tuple(fc.constantFrom(0, 1, 1, 1, 2), fc.nat(6), fc.uint8Array({ maxLength: 60 }))
      .map(([version, type, rest]) => Buffer.from([0xff, version, type, ...rest]));
    const cut = fc.tuple(publication, fc.nat(400), fc.nat(255), fc.nat(400)).map(([given, end, byte, at]) => {
      const payload = Buffer.from(encodePublication(given));
      if (at < payload.length) payload[at] = byte;
      return payload.subarray(0, end);
    });
    fc.assert(
      fc.property(fc.oneof(bytes, envelope, cut), (payload) => {
        const decoded = decodePayload('any', payload);
        // What it tells of is in the payload: nothing grows.
        if (decoded.type === 'publication') expect(decoded.publication.data.length).toBeLessThanOrEqual(payload.length);
      }),
      { numRuns: 5_000 },
    );
  });

  it.each([
    ['ff', 'the envelope ends within its header'],
    ['ff01', 'the envelope ends within its header'],
    ['ff020100', 'the envelope is of version 2; 1 is known here'],
    ['ff0100', 'the envelope is of the unknown type 0'],
    ['ff010900', 'the envelope is of the unknown type 9'],
    ['ff0101', 'the envelope ends within a field'],
    ['ff010103', 'the envelope ends within a field'],
    ['ff01010380', 'the envelope ends within a field'],
    ['ff0101030261', 'the envelope ends within a field'],
    ['ff010103ffffffff0f', 'the envelope ends within a field'],
    ['ff01010100', 'the position is not one'],
    ['ff0101010800200000000000000061', 'the position is not one'],
    ['ff01017f0000', 'field 127 is unknown'],
    ['ff0101050000', 'field 5 is unknown'],
    ['ff010200', 'a member without a connection'],
    ['ff0102030000', 'field 3 is unknown'],
    ['ff0105', 'the envelope ends within a field'],
  ])('says of %s what is wrong', (hex, problem) => {
    expect(decodePayload('any', Buffer.from(hex, 'hex'))).toEqual({ type: 'malformed', problem });
  });

  it('skips the fields that a later version marks as not essential', () => {
    const payload = writeEnvelope(
      1,
      [
        { tag: 0x80, value: 'x'.repeat(200) },
        { tag: 3, value: 'c1' },
        { tag: 0xff, value: '' },
      ],
      Buffer.from('data'),
    );
    expect(published(decodePayload('any', payload))).toMatchObject({ data: Buffer.from('data'), exclude: ['c1'] });
  });
});

describe('a stored member', () => {
  it('comes back as it was, and so does its event', () => {
    fc.assert(
      fc.property(member, fc.string({ maxLength: 31 }), (given, owner) => {
        const stored = encodeMember(given, owner);
        expect(decodeMember(stored)).toEqual(given);
        const types = ['join', 'update', 'leave'] as const;
        for (const [index, type] of types.entries()) {
          // As include/member.lua makes it: without the owner.
          const fields = stored.subarray(2 + (stored[1] ?? 0));
          const payload = Buffer.concat([Buffer.from([0xff, 1, 2 + index]), fields]);
          expect(decodePayload('any', payload)).toEqual({
            type: 'presence',
            event: { subscription: 'any', type, member: given },
          });
        }
      }),
    );
  });

  it('is read without an exception, whatever it is', () => {
    fc.assert(
      fc.property(bytes, (stored) => {
        decodeMember(stored);
      }),
    );
  });
});
