import { describe, expect, it } from 'vitest';
import type { Publication } from '../../../../src/broker/broker.ts';
import { OwnPublications } from '../../../../src/broker/redis/own-publications.ts';

function publication(text: string, publishedMs: number, subscription = 'room'): Publication {
  return { subscription, data: Buffer.from(text), kind: 'text', exclude: [], publishedMs };
}

const payload = (text: string): Buffer => Buffer.from(text);

describe("a broker's own publications", () => {
  it('are told from those of others by their bytes, in their order', () => {
    const own = new OwnPublications(() => true);
    own.sent(publication('a', 1));
    own.sent(publication('b', 2));
    own.sent(publication('a', 3));
    const received = ['other', 'a', 'b', 'another', 'a', 'a'].map((text) => own.publishedMs('room', payload(text)));
    expect(received).toEqual([undefined, 1, 2, undefined, 3, undefined]);
    expect(own.publishedMs('elsewhere', payload('a'))).toBeUndefined();
  });

  it('are not waited for when one after them has come', () => {
    const own = new OwnPublications(() => true);
    for (const [at, text] of ['lost', 'lost too', 'there', 'next'].entries()) own.sent(publication(text, at));
    expect(own.publishedMs('room', payload('there'))).toBe(2);
    expect(own.publishedMs('room', payload('lost'))).toBeUndefined();
    expect(own.publishedMs('room', payload('next'))).toBe(3);
  });

  it('are forgotten when they are rejected, and when something may have been lost', () => {
    const own = new OwnPublications(() => true);
    const rejected = publication('same', 1);
    own.sent(rejected);
    own.sent(publication('same', 2));
    own.failed(rejected);
    expect(own.publishedMs('room', payload('same'))).toBe(2);
    own.sent(publication('same', 3));
    own.forget(['another', 'room']);
    expect(own.publishedMs('room', payload('same'))).toBeUndefined();
  });

  it('are remembered only where they come back, and no more than 1,000 of a subscription', () => {
    const own = new OwnPublications((name) => name === 'room');
    own.sent(publication('a', 1, 'elsewhere'));
    expect(own.publishedMs('elsewhere', payload('a'))).toBeUndefined();
    for (let at = 0; at < 1_001; at++) own.sent(publication(`number ${at}`, at));
    expect(own.publishedMs('room', payload('number 0'))).toBeUndefined();
    expect(own.publishedMs('room', payload('number 1'))).toBe(1);
  });
});
