import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Connection } from '../../src/gateway/connection.ts';
import { type Encoding, plainEncoding } from '../../src/gateway/encoding.ts';
import { Hub } from '../../src/gateway/hub.ts';
import { RuleCounts } from '../../src/metrics/rule-counts.ts';

const other: Encoding = { name: 'other', publication: () => undefined };
// The hub asks a connection for its encoding and nothing else.
const connections = [plainEncoding, plainEncoding, other, other].map((encoding) => ({ encoding }) as Connection);
const names = ['a', 'b', '__proto__'];
const counts = new Map(names.map((name) => [name, new RuleCounts()]));
const countsOf = (name: string): RuleCounts => counts.get(name) ?? new RuleCounts();

describe('the hub', () => {
  it('knows who is in what, grouped by encoding, and says who was first and last', () => {
    const step = fc.record({
      add: fc.boolean(),
      name: fc.constantFrom(...names),
      connection: fc.constantFrom(...connections),
    });
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const hub = new Hub(countsOf);
        const model = new Map<string, Set<Connection>>(names.map((name) => [name, new Set()]));
        for (const { add, name, connection } of steps) {
          const members = model.get(name) ?? new Set();
          if (add) {
            const first = members.size === 0;
            members.add(connection);
            expect(hub.add(name, connection)).toBe(first);
          } else {
            const last = members.delete(connection) && members.size === 0;
            expect(hub.remove(name, connection)).toBe(last);
          }
        }
        for (const [name, members] of model) {
          const audience = [...(hub.audience(name)?.groups ?? [])];
          if (members.size > 0) expect(hub.audience(name)?.counts).toBe(counts.get(name));
          expect(new Set(audience.flatMap(([, group]) => [...group]))).toEqual(members);
          for (const [encoding, group] of audience)
            for (const connection of group) expect(connection.encoding).toBe(encoding);
        }
        expect(hub.size).toBe([...model.values()].filter((members) => members.size > 0).length);
      }),
    );
  });
});
