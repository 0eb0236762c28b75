import { describe, expect, it } from 'vitest';
import {
  BrokerClosedError,
  type HistoryPage,
  type HistoryQuery,
  type Position,
  type Publication,
} from '../../src/broker/broker.ts';
import {
  participant,
  participants,
  settled,
  textPublication,
  type MakeBrokerCluster,
  type Participant,
} from '../support/broker-cluster.ts';
import { historyOf, keep, offsets, texts } from '../support/broker-history.ts';
import { until } from '../support/until.ts';
import { positionContract } from './position-contract.ts';

const room = '/websocket/chat';

/** What HistoryCapability in src/broker/broker.ts promises, for brokers that have it. */
export function historyContract(makeCluster: MakeBrokerCluster): void {
  const read = (one: Participant, query: HistoryQuery, name = room): Promise<HistoryPage> =>
    historyOf(one).read(name, query);

  positionContract(makeCluster);

  describe('the history', () => {
    const everyByte = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));

    it.each<[string, Partial<Publication>]>([
      ['text', {}],
      ['no data', { data: Buffer.alloc(0) }],
      ['data of any bytes', { data: everyByte, kind: 'binary' }],
      ['300 KiB of data', { data: Buffer.alloc(300 * 1024, everyByte), kind: 'binary' }],
      ['an exclude list', { exclude: ['one.1', '', 'drei · 3'] }],
      ['information of the publisher', { info: '{"nick":"Åsa 🔔"}' }],
      ['empty information of the publisher', { info: '' }],
      ['a name of several scripts', { subscription: 'Zürich · 東京 · מפה · 🔔 {a}' }],
      ['all of it', { data: everyByte, kind: 'binary', exclude: ['a'], info: '{}' }],
    ])('keeps a publication as it was delivered: with %s', async (_what, part) => {
      await using cluster = await makeCluster();
      const all = await participants(cluster, 2);
      const publication: Publication = { ...textPublication(room, 'hello'), ...part };
      const name = publication.subscription;
      await all[0]?.broker.subscribe([name]);
      const position = await all[1]?.broker.publish(publication, { history: { size: 10, ttl: 60 }, id: 'an id' });
      await settled(all);
      const kept = (await read(all[0] as Participant, { limit: 10 }, name)).publications;
      const delivered = all[0]?.sink.publications.filter(({ subscription }) => subscription === name);
      for (const received of [kept, delivered]) {
        expect(received).toHaveLength(1);
        expect(received?.[0]?.data.equals(publication.data)).toBe(true);
        expect({ ...received?.[0], data: undefined }).toEqual({ ...publication, position, data: undefined });
        expect(Object.hasOwn(received?.[0] ?? {}, 'info')).toBe('info' in part);
      }
    });

    it('keeps exactly as many as its size, and with the next one the oldest goes', async () => {
      await using cluster = await makeCluster();
      const one = await participant(cluster);
      for (let index = 1; index <= 12; index++) {
        await keep(one, room, `${index}`, { size: 5 });
        const page = await read(one, { limit: 100 });
        const kept = Array.from({ length: Math.min(index, 5) }, (_, at) => Math.max(index - 5, 0) + at + 1);
        expect(offsets(page.publications)).toEqual(kept);
        expect(page.position.offset).toBe(index);
      }
      await keep(one, room, '13', { size: 2 });
      expect(offsets((await read(one, { limit: 100 })).publications)).toEqual([12, 13]);
      await keep(one, room, '14', { size: 200 });
      expect(offsets((await read(one, { limit: 100 })).publications)).toEqual([12, 13, 14]);
      await keep(one, room, '15', { size: 1 });
      expect(offsets((await read(one, { limit: 100 })).publications)).toEqual([15]);
    });

    it('keeps no publication longer than its ttl, and the position beyond it', async () => {
      await using cluster = await makeCluster();
      const one = await participant(cluster);
      const first = await keep(one, room, 'first', { ttl: 0.05 });
      const second = await keep(one, room, 'second', { ttl: 0.05 });
      await until(async () => (await read(one, { limit: 10 })).publications.length === 0);

      expect(await read(one, { limit: 10 })).toEqual({ publications: [], position: second });
      expect(await read(one, { since: second, limit: 10 })).toEqual({ publications: [], position: second });
      expect(await read(one, { since: first, limit: 10 })).toEqual({
        publications: [],
        position: second,
        lost: 'trimmed',
      });
      const third = await keep(one, room, 'third');
      expect(third).toEqual({ epoch: second.epoch, offset: 3 });
      expect(texts((await read(one, { since: second, limit: 10 })).publications)).toEqual(['third']);
    });

    it('lets each publication go in its time, also where others follow all along', async () => {
      await using cluster = await makeCluster();
      const one = await participant(cluster);
      let newest = await keep(one, room, 'first', { ttl: 0.1, size: 100_000 });
      await until(
        async () => {
          newest = await keep(one, room, 'another', { ttl: 0.1, size: 100_000 });
          const kept = offsets((await read(one, { limit: 100_000 })).publications);
          return kept[0] !== 1 && kept.at(-1) === newest.offset;
        },
        { everyMs: 5 },
      );
    });
  });

  describe('read', () => {
    const pageOf = async (one: Participant, query: HistoryQuery): Promise<[(number | undefined)[], string?]> => {
      const { publications, position, lost } = await read(one, query);
      expect(position.offset).toBe(10);
      return lost === undefined ? [offsets(publications)] : [offsets(publications), lost];
    };

    it('goes on after a position, or before it with reverse, at most so many a page', async () => {
      await using cluster = await makeCluster();
      const all = await participants(cluster, 2);
      const [one, other] = all as [Participant, Participant];
      let epoch = '';
      for (let index = 1; index <= 10; index++) ({ epoch } = await keep(one, room, `${index}`, { size: 6 }));
      const at = (offset: number): Position => ({ epoch, offset });

      // 5 to 10 are kept.
      expect(await pageOf(other, { limit: 100 })).toEqual([[5, 6, 7, 8, 9, 10]]);
      expect(await pageOf(other, { limit: 2 })).toEqual([[5, 6]]);
      expect(await pageOf(other, { limit: 0 })).toEqual([[]]);
      expect(await pageOf(other, { since: at(4), limit: 100 })).toEqual([[5, 6, 7, 8, 9, 10]]);
      expect(await pageOf(other, { since: at(6), limit: 2 })).toEqual([[7, 8]]);
      expect(await pageOf(other, { since: at(9), limit: 2 })).toEqual([[10]]);
      expect(await pageOf(other, { since: at(10), limit: 2 })).toEqual([[]]);
      expect(await pageOf(other, { since: at(6), limit: 0 })).toEqual([[]]);
      expect(await pageOf(other, { reverse: true, limit: 100 })).toEqual([[10, 9, 8, 7, 6, 5]]);
      expect(await pageOf(other, { reverse: true, limit: 2 })).toEqual([[10, 9]]);
      expect(await pageOf(other, { reverse: true, since: at(9), limit: 2 })).toEqual([[8, 7]]);
      expect(await pageOf(other, { reverse: true, since: at(6), limit: 2 })).toEqual([[5]]);
      expect(await pageOf(other, { reverse: true, since: at(5), limit: 2 })).toEqual([[]]);
      expect(await pageOf(other, { reverse: true, since: at(2), limit: 2 })).toEqual([[]]);
      expect(await pageOf(other, { reverse: false, since: at(8), limit: 2 })).toEqual([[9, 10]]);
    });

    it('says so where what follows is no longer kept', async () => {
      await using cluster = await makeCluster();
      const one = await participant(cluster);
      let epoch = '';
      for (let index = 1; index <= 10; index++) ({ epoch } = await keep(one, room, `${index}`, { size: 6 }));
      for (const offset of [0, 1, 3]) {
        for (const limit of [0, 1, 100]) {
          expect(await pageOf(one, { since: { epoch, offset }, limit })).toEqual([[], 'trimmed']);
        }
      }
    });

    it('says so where a position is of another history, or of what this one does not know', async () => {
      await using cluster = await makeCluster();
      const one = await participant(cluster);
      let epoch = '';
      for (let index = 1; index <= 10; index++) ({ epoch } = await keep(one, room, `${index}`));
      const foreign: Position[] = [
        { epoch: 'another', offset: 0 },
        { epoch: 'another', offset: 5 },
        { epoch: '', offset: 10 },
        { epoch: `${epoch} ü 🔔`, offset: 10 },
        { epoch, offset: 11 },
        { epoch, offset: 2 ** 40 },
      ];
      for (const since of foreign) {
        for (const reverse of [false, true]) {
          expect(await pageOf(one, { since, limit: 100, reverse }), JSON.stringify(since)).toEqual([[], 'epoch']);
        }
      }
      const page = await read(one, { since: { epoch: 'another', offset: 1 }, limit: 5 }, 'never used');
      expect(page).toMatchObject({ publications: [], position: { offset: 0 }, lost: 'epoch' });
    });

    it('ends a page when it comes to a MiB or so, and has one publication at least', async () => {
      await using cluster = await makeCluster();
      const one = await participant(cluster);
      const data = Buffer.alloc(600 * 1024, 'x');
      const publish = (bytes: Buffer): Promise<Position | undefined> =>
        one.broker.publish(
          { subscription: room, data: bytes, kind: 'text', exclude: [] },
          { history: { size: 100, ttl: 60 } },
        );
      for (let index = 0; index < 4; index++) await publish(data);
      const last = await publish(Buffer.alloc(2_500 * 1024, 'x'));
      for (const reverse of [false, true]) {
        const pages: number[][] = [];
        let since: Position | undefined;
        for (;;) {
          const page = await read(one, { limit: 100, reverse, ...(since === undefined ? {} : { since }) });
          expect(page.position).toEqual(last);
          if (page.publications.length === 0) break;
          pages.push(offsets(page.publications) as number[]);
          since = page.publications.at(-1)?.position;
        }
        expect(pages.flat()).toEqual(reverse ? [5, 4, 3, 2, 1] : [1, 2, 3, 4, 5]);
        for (const page of pages) expect(page.length).toBeLessThanOrEqual(3);
      }
      expect(offsets((await read(one, { limit: 1, reverse: true })).publications)).toEqual([5]);
    });

    it('does not wait for a subscription, nor need one', async () => {
      await using cluster = await makeCluster();
      const all = await participants(cluster, 2);
      await keep(all[0] as Participant, room, 'hello');
      expect(texts((await read(all[1] as Participant, { limit: 1 })).publications)).toEqual(['hello']);
      await settled(all);
      expect(all.flatMap(({ sink }) => sink.texts(room))).toEqual([]);
    });

    it('rejects with BrokerClosedError after close', async () => {
      await using cluster = await makeCluster();
      const one = await participant(cluster);
      await keep(one, room, 'hello');
      await one.broker.close();
      await expect(read(one, { limit: 1 })).rejects.toBeInstanceOf(BrokerClosedError);
      await expect(keep(one, room, 'late')).rejects.toBeInstanceOf(BrokerClosedError);
    });
  });
}
