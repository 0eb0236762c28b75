import { describe, expect, it } from 'vitest';
import { LocalSubscriptions } from '../../../../src/broker/memory/local-subscriptions.ts';

describe('LocalSubscriptions', () => {
  it('takes no confirmation of a subscription that was left in the meantime', () => {
    const subscriptions = new LocalSubscriptions();
    const first = subscriptions.request(['a', 'b']);
    subscriptions.drop(['a']);
    const second = subscriptions.request(['a']);
    subscriptions.confirm(['a', 'b'], first);
    expect(subscriptions.has('a')).toBe(false);
    expect(subscriptions.has('b')).toBe(true);
    subscriptions.confirm(['a'], second);
    expect(subscriptions.has('a')).toBe(true);
  });

  it('stays subscribed while it is asked for again', () => {
    const subscriptions = new LocalSubscriptions();
    const first = subscriptions.request(['a']);
    subscriptions.request(['a']);
    subscriptions.confirm(['a'], first);
    expect(subscriptions.has('a')).toBe(true);
    subscriptions.request(['a']);
    expect(subscriptions.has('a')).toBe(true);
  });
});
