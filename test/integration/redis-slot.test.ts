import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { slotOf } from '../../src/broker/redis/redis-slot.ts';
import { startRedis } from '../support/start-redis.ts';

describe('the slot of a key', () => {
  it('is what Redis says, for any key', async () => {
    await using redis = await startRedis({ args: ['--cluster-enabled', 'yes'] });
    const key = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string({ unit: fc.constantFrom('{', '}', 'a', 'ü', '🔔'), maxLength: 8 }),
    );
    await fc.assert(
      fc.asyncProperty(key, async (text) => {
        expect(slotOf(text)).toBe(await redis.admin.cluster('KEYSLOT', text));
      }),
      { numRuns: 500 },
    );
  });
});
