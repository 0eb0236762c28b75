import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { decodePayload, encodePublication } from '../../../../src/broker/redis/payload-codec.ts';
import { RedisNames } from '../../../../src/broker/redis/redis-names.ts';
import { slotOf } from '../../../../src/broker/redis/redis-slot.ts';

const page = await readFile(new URL('../../../../docs/redis-format.md', import.meta.url), 'utf8');

interface Vector {
  readonly payload: string;
  readonly publication?: {
    readonly data: string;
    readonly kind: 'text' | 'binary';
    readonly exclude?: readonly string[];
    readonly info?: string;
    readonly position?: { readonly epoch: string; readonly offset: number };
    readonly publishedMs?: number;
  };
  readonly event?: object;
  readonly fence?: string;
  readonly malformed?: string;
  readonly comment?: string;
}

const vectors = JSON.parse(/<!-- vectors -->\n```json\n([^]*?)```/.exec(page)?.[1] ?? '[]') as readonly Vector[];

describe('docs/redis-format.md', () => {
  it('has vectors of every sort', () => {
    for (const sort of ['publication', 'event', 'fence', 'malformed'] as const) {
      expect(vectors.some((vector) => vector[sort] !== undefined)).toBe(true);
    }
  });

  it.each(vectors)('is right about $payload', ({ payload, publication, event, fence, malformed, comment }) => {
    const bytes = Buffer.from(payload, 'hex');
    expect(bytes.toString('hex')).toBe(payload);
    const decoded = decodePayload('room', bytes);
    if (publication !== undefined) {
      const { data, kind, exclude = [], ...rest } = publication;
      const content = Buffer.from(data, kind === 'text' ? 'utf8' : 'hex');
      const meant = { subscription: 'room', data: content, kind, exclude, ...rest };
      expect(decoded).toEqual({ type: 'publication', publication: meant });
      if (comment === undefined) expect(encodePublication(meant).toString('hex')).toBe(payload);
    } else if (event !== undefined) {
      expect(decoded).toEqual({ type: 'presence', event: { subscription: 'room', ...event } });
    } else if (fence !== undefined) {
      expect(decoded).toEqual({ type: 'fence', token: fence });
    } else {
      expect(malformed).toBeDefined();
      expect(decoded.type).toBe('malformed');
    }
  });

  it('is right about the keys', () => {
    const names = new RedisNames({ channelPrefix: '', keyPrefix: 'carillon:' });
    const rows = [...page.matchAll(/^\| `([^`]+)` \| `(carillon:\{[^`]+)` \|$/gm)];
    expect(rows.length).toBe(5);
    for (const [, channel = '', key = ''] of rows) {
      expect(names.historyKeys(channel)[1]).toBe(key);
      expect(slotOf(key)).toBe(slotOf(channel));
    }
  });
});
