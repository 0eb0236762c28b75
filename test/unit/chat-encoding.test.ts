import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  chatEncoding,
  memberOf,
  plainLine,
  presenceInfo,
  recalled,
  speechInfo,
} from '../../src/apps/chat/chat-encoding.ts';
import type { Publication } from '../../src/broker/broker.ts';
import type { Message } from '../../src/gateway/encoding.ts';

const anna = { id: 'a.1', nick: 'Anna', user: null, address: '192.0.2.1' };
const at = '2025-06-01T09:30:00.000Z';

function publication(data: string, parts: Partial<Publication> = {}): Publication {
  return { subscription: '/chat', data: Buffer.from(data), kind: 'text', exclude: [], ...parts };
}

function decode(message: Message | undefined): unknown {
  expect(message?.kind).toBe('text');
  return JSON.parse(String(message?.data));
}

describe('what a JSON client sees of a publication', () => {
  it('is who said what and when, whatever the text is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        const spoken = publication(plainLine(anna.address, text), { info: speechInfo(anna, at) });
        expect(decode(chatEncoding.publication(spoken))).toEqual({ type: 'message', from: anna, text, at });
      }),
    );
  });

  it.each([
    ['none', undefined],
    ['no JSON', 'x'],
    ['JSON of another shape', '{"id":1}'],
    ['null', 'null'],
  ])('is a message from nobody when there is %s for information', (_, info) => {
    const message = decode(chatEncoding.publication(publication('192.0.2.1: hi', info === undefined ? {} : { info })));
    expect(message).toMatchObject({ type: 'message', from: null, text: '192.0.2.1: hi' });
  });

  it('is a message from nobody when the information belongs to another line', () => {
    const message = decode(chatEncoding.publication(publication('hi', { info: speechInfo(anna, at) })));
    expect(message).toMatchObject({ from: null, text: 'hi' });
  });

  it('is nothing when the data is binary', () => {
    expect(chatEncoding.publication(publication('hi', { kind: 'binary' }))).toBeUndefined();
  });
});

describe('what a JSON client sees of the history', () => {
  const position = { epoch: 'e', offset: 7 };

  it('is the message as it was, with its place and the id its sender gave it', () => {
    const parts = { info: speechInfo(anna, at, 'm1'), position };
    const spoken = publication(plainLine(anna.address, 'hi'), parts);
    const message = { type: 'message', from: anna, text: 'hi', at, id: 'm1', position };
    expect(decode(chatEncoding.publication(spoken))).toEqual(message);
    expect(JSON.parse(recalled(spoken) ?? '')).toEqual(message);
  });

  it('has no time for what another program published, and nothing of what is binary', () => {
    const message = { type: 'message', from: null, text: 'hi', at: null, position };
    expect(JSON.parse(recalled(publication('hi', { position })) ?? '')).toEqual(message);
    expect(recalled(publication('hi', { kind: 'binary', position }))).toBeUndefined();
  });
});

describe('what a JSON client sees of presence', () => {
  it('is a member with what is known of it', () => {
    const member = { connectionId: 'a.1', user: 'anna', info: presenceInfo(anna) };
    expect(decode(chatEncoding.presence?.({ subscription: '/chat', type: 'join', member }))).toMatchObject({
      type: 'join',
      member: { ...anna, user: 'anna' },
      at: expect.stringMatching(/^\d{4}-.*Z$/),
    });
  });

  it('is a member without details when another program entered it', () => {
    expect(memberOf({ connectionId: 'x' })).toEqual({ id: 'x', nick: null, user: null, address: null });
    expect(memberOf({ connectionId: 'x', info: '[7]' })).toEqual({ id: 'x', nick: null, user: null, address: null });
  });

  it('says how many messages a slow client missed', () => {
    expect(decode(chatEncoding.gap?.('/chat', 7))).toMatchObject({ type: 'gap', missed: 7 });
  });

  it('is a gap when the broker reports one', () => {
    expect(decode(chatEncoding.gap?.('/chat'))).toMatchObject({ type: 'gap' });
    expect(decode(chatEncoding.gap?.('/chat'))).not.toHaveProperty('missed');
    expect(chatEncoding.gap?.('all')).toBeUndefined();
    expect(decode(chatEncoding.presenceGap?.('/chat'))).toMatchObject({ type: 'stale' });
  });
});
