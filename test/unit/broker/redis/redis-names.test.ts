import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RedisNames } from '../../../../src/broker/redis/redis-names.ts';
import { slotOf } from '../../../../src/broker/redis/redis-slot.ts';

const names = new RedisNames({ channelPrefix: '', keyPrefix: 'carillon:' });
const name = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 20 }),
  // Rich in what hash tags are made of.
  fc.string({ unit: fc.constantFrom('{', '}', 'a', ':', '0'), maxLength: 8 }),
);
const prefix = fc.string({ unit: fc.constantFrom('{', '}', 'a', ':', 'b'), maxLength: 4 });

describe('the names in Redis', () => {
  it('lie in the slot of the channel, whatever it is called', () => {
    fc.assert(
      fc.property(name, prefix, (given, channelPrefix) => {
        const prefixed = new RedisNames({ channelPrefix, keyPrefix: 'carillon:' });
        const slot = slotOf(prefixed.channelOf(given));
        for (const key of [
          ...prefixed.historyKeys(given),
          ...prefixed.presenceKeys(given),
          prefixed.idKey(given, 'an id } {'),
        ]) {
          expect(slotOf(key), key).toBe(slot);
        }
      }),
      { numRuns: 1_000 },
    );
  });

  it('are another for every subscription, id and use', () => {
    fc.assert(
      fc.property(fc.uniqueArray(name, { maxLength: 12 }), (all) => {
        const keys = all.flatMap((each) => [
          ...names.historyKeys(each),
          ...names.presenceKeys(each),
          ...all.map((id) => names.idKey(each, id)),
        ]);
        expect(new Set(keys).size).toBe(keys.length);
        expect(new Set(all.map((each) => names.channelOf(each))).size).toBe(all.length);
      }),
    );
  });

  it('put the channel and the key of a probe into the slot of its tag', () => {
    const own = new RedisNames({ channelPrefix: 'staging:', keyPrefix: 'staging:' });
    for (const each of [names, own]) {
      const { channel, key } = each.probePlace('7', 'an id');
      expect([slotOf(channel), slotOf(key)]).toEqual([slotOf('7'), slotOf('7')]);
      expect(each.probePlace('7', 'another').channel).not.toBe(channel);
      expect(each.probePlace('7', 'another').key).not.toBe(key);
    }
    expect(own.probePlace('7', 'id')).toEqual({
      channel: 'staging:carillon:staging:probe:{7}:id',
      key: 'staging:{7}:probe:id',
    });
  });

  it('are as docs/redis-format.md says', () => {
    expect(names.channelOf('/websocket/chat')).toBe('/websocket/chat');
    expect(names.historyKeys('/websocket/chat')).toEqual([
      'carillon:{/websocket/chat}:meta:/websocket/chat',
      'carillon:{/websocket/chat}:stream:/websocket/chat',
    ]);
    expect(names.historyKeys('{room 7}:moves')[0]).toBe('carillon:{room 7}:meta:{room 7}:moves');
    expect(names.presenceKeys('a')).toEqual([
      'carillon:{a}:members:a',
      'carillon:{a}:joins:a',
      'carillon:{a}:expiries:a',
    ]);
    expect(names.idKey('a', 'ä')).toBe('carillon:{a}:id:2:ä:a');
  });

  it('are another channel for every subscription, reserved ones included', () => {
    fc.assert(
      fc.property(
        name,
        name,
        prefix,
        fc.constantFrom('carillon:', '', 'two:'),
        (one, other, channelPrefix, keyPrefix) => {
          const prefixed = new RedisNames({ channelPrefix, keyPrefix });
          const all = [...new Set([one, other, `carillon:${one}`, `carillon:${other}`])];
          // An app's name does not begin with what is reserved.
          fc.pre(![one, other].some((each) => each.startsWith('carillon:')));
          expect(new Set(all.map((each) => prefixed.channelOf(each))).size).toBe(all.length);
        },
      ),
    );
  });

  it('keep two clusters apart by either prefix', () => {
    const other = new RedisNames({ channelPrefix: '', keyPrefix: 'two:' });
    expect(names.channelOf('carillon:control')).toBe('carillon:control');
    expect(other.channelOf('carillon:control')).toBe('carillon:two:control');
    expect(other.presenceKeys('a')).not.toEqual(names.presenceKeys('a'));
    const third = new RedisNames({ channelPrefix: 'three:', keyPrefix: 'carillon:' });
    expect(third.channelOf('carillon:control')).toBe('three:carillon:control');
    for (const given of ['a', '{x}a']) expect(third.historyKeys(given)).not.toEqual(names.historyKeys(given));
  });

  it('let no app address what is reserved, whatever the prefix', () => {
    for (const keyPrefix of ['', 'two:', 'carillon:']) {
      const prefixed = new RedisNames({ channelPrefix: '', keyPrefix });
      expect(prefixed.channelOf('carillon:control').startsWith('carillon:')).toBe(true);
      expect(prefixed.channelOf('two:control')).toBe('two:control');
    }
  });

  it('have no braces before the hash tag', () => {
    for (const keyPrefix of ['{', 'a}', '{a}']) {
      expect(() => new RedisNames({ channelPrefix: '', keyPrefix })).toThrow(/has a brace/);
    }
  });
});
