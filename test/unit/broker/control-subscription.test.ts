import { describe, expect, it } from 'vitest';
import type { ControlMessage, Publication } from '../../../src/broker/broker.ts';
import { ControlSubscription } from '../../../src/broker/control-subscription.ts';

function publication(subscription: string, text: string): Publication {
  return { subscription, data: Buffer.from(text), kind: 'text', exclude: [] };
}

describe('ControlSubscription', () => {
  it('publishes JSON to the subscription of all nodes, or to that of one', async () => {
    const published: Publication[] = [];
    const control = new ControlSubscription({
      subscribe: async () => {},
      publish: async (one) => void published.push(one),
    });
    await control.send({ type: 'a', body: '{"b":1}' });
    await control.send({ type: 'a', body: '' }, 'node 1');
    expect(published.map(({ subscription, data }) => [subscription, data.toString()])).toEqual([
      ['carillon:control', '{"type":"a","body":"{\\"b\\":1}"}'],
      ['carillon:control:node 1', '{"type":"a","body":""}'],
    ]);
  });

  it('takes what is for its node and for all, also what it cannot read, and nothing else', async () => {
    const received: ControlMessage[] = [];
    const subscribed: string[] = [];
    const control = new ControlSubscription({
      subscribe: async (names) => void subscribed.push(...names),
      publish: async () => undefined,
    });
    const message = '{"type":"a","body":"b"}';
    expect(control.takes(publication('carillon:control', message))).toBe(false);
    await control.listen('one', (each) => received.push(each));
    expect(subscribed).toEqual(['carillon:control', 'carillon:control:one']);
    for (const name of subscribed) {
      expect(control.owns(name)).toBe(true);
      expect(control.takes(publication(name, message))).toBe(true);
      expect(control.takes(publication(name, '\0 rubbish'))).toBe(true);
    }
    for (const name of [
      'carillon:control:other',
      'carillon:control:',
      'carillon:controls',
      'carillon:nodes',
      '/chat',
    ]) {
      expect(control.owns(name)).toBe(false);
      expect(control.takes(publication(name, message))).toBe(false);
    }
    expect(received).toEqual(Array.from({ length: 2 }, () => ({ type: 'a', body: 'b' })));
  });
});
