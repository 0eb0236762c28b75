import { describe, expect, it } from 'vitest';
import type { Publication } from '../../src/broker/broker.ts';
import { participants, settled, textPublication, type MakeBrokerCluster } from '../support/broker-cluster.ts';

const room = '/websocket/chat';

/** What a subscription may be called and a publication may hold; a part of `brokerContract`. */
export function payloadContract(makeCluster: MakeBrokerCluster): void {
  describe('names and data', () => {
    const everyByte = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));

    it.each([
      ['empty', ''],
      ['of one NUL', '\0'],
      ['of several scripts', 'Zürich · 東京 · מפה · 🔔'],
      ['with line ends and quotes', 'a\r\nb "c" \'d\' \\'],
      ['that means something to objects', '__proto__'],
      ['that is reserved further up', 'all'],
      ['of 20,000 characters', '/ü'.repeat(10_000)],
    ])('may have a name %s', async (_what, name) => {
      await using cluster = await makeCluster();
      const all = await participants(cluster, 2);
      await all[0]?.broker.subscribe([name, 'another']);
      await all[1]?.broker.publish(textPublication(name, 'hello'));
      await settled(all);
      expect(all[0]?.sink.texts(name)).toEqual(['hello']);
    });

    it.each<[string, Partial<Publication>]>([
      ['no data', { data: Buffer.alloc(0) }],
      ['data of any bytes', { data: everyByte, kind: 'binary' }],
      ['3 MiB of data', { data: Buffer.alloc(3 * 1024 * 1024, everyByte), kind: 'binary' }],
      ['an exclude list', { exclude: ['one.1', 'two.2', '', 'drei · 3'] }],
      ['a long exclude list', { exclude: Array.from({ length: 2_000 }, (_, index) => `connection ${index}`) }],
      ['information of the publisher', { info: '{"nick":"Åsa 🔔"}' }],
      ['empty information of the publisher', { info: '' }],
      ['all of it', { data: everyByte, kind: 'binary', exclude: ['a'], info: '{}' }],
    ])('arrive as they were given: a publication with %s', async (_what, part) => {
      await using cluster = await makeCluster();
      const all = await participants(cluster, 2);
      await Promise.all(all.map(({ broker }) => broker.subscribe([room])));
      const publication: Publication = { ...textPublication(room, 'hello'), ...part };

      await all[0]?.broker.publish(publication);
      await settled(all);

      for (const { sink } of all) {
        const [delivered, ...more] = sink.publications.filter(({ subscription }) => subscription === room);
        expect(more).toEqual([]);
        expect(delivered?.data.equals(publication.data)).toBe(true);
        expect({ ...delivered, data: undefined }).toEqual({ ...publication, data: undefined });
        expect(Object.hasOwn(delivered ?? {}, 'info')).toBe('info' in part);
      }
    });

    it('may say when they were published: that arrives as it was given, or not at all', async () => {
      await using cluster = await makeCluster();
      const all = await participants(cluster, 2);
      await Promise.all(all.map(({ broker }) => broker.subscribe([room])));
      const parts: Partial<Publication>[] = [{}, { exclude: ['a'] }, { info: '{}' }];
      for (const part of parts) {
        await all[0]?.broker.publish({ ...textPublication(room, 'hello'), ...part, publishedMs: 1_795_269_757_000 });
      }
      await settled(all);
      for (const { sink } of all) {
        const delivered = sink.publications.filter(({ subscription }) => subscription === room);
        expect(delivered).toHaveLength(3);
        for (const { publishedMs, exclude, info } of delivered) {
          if (exclude.length > 0 || info !== undefined) expect(publishedMs).toBe(1_795_269_757_000);
          else expect([undefined, 1_795_269_757_000]).toContain(publishedMs);
        }
      }
    });

    it('may be kept by the receiver', async () => {
      await using cluster = await makeCluster();
      const all = await participants(cluster, 2);
      await all[0]?.broker.subscribe([room]);
      const sent = Array.from({ length: 3_000 }, (_, index) => `${index} `.repeat(1 + (index % 300)));
      for (const text of sent) await all[1]?.broker.publish(textPublication(room, text));
      await settled(all);
      expect(all[0]?.sink.texts(room)).toEqual(sent);
    });
  });
}
