import { describe, expect, it } from 'vitest';
import type { Position } from '../../src/broker/broker.ts';
import {
  participant,
  participants,
  settled,
  textPublication,
  type MakeBrokerCluster,
  type Participant,
} from '../support/broker-cluster.ts';
import { historyOf, keep, offsets, texts } from '../support/broker-history.ts';

const room = '/websocket/chat';

/** What src/broker/broker.ts promises of positions; a part of `historyContract`. */
export function positionContract(makeCluster: MakeBrokerCluster): void {
  describe('a position', () => {
    it('counts what is kept from 1, in one epoch, and is delivered with the publication', async () => {
      await using cluster = await makeCluster();
      const all = await participants(cluster, 2);
      await Promise.all(all.map(({ broker }) => broker.subscribe([room])));
      const positions: Position[] = [];
      for (let index = 0; index < 6; index++)
        positions.push(await keep(all[index % 2] as Participant, room, `${index}`));
      await settled(all);

      expect(positions.map(({ offset }) => offset)).toEqual([1, 2, 3, 4, 5, 6]);
      expect(new Set(positions.map(({ epoch }) => epoch)).size).toBe(1);
      expect(positions[0]?.epoch).not.toBe('');
      for (const { sink } of all) {
        const delivered = sink.publications.filter(({ subscription }) => subscription === room);
        expect(delivered.map(({ position }) => position)).toEqual(positions);
        expect(texts(delivered)).toEqual(['0', '1', '2', '3', '4', '5']);
      }
    });

    it('is delivered in its order, without a hole, whoever publishes', async () => {
      await using cluster = await makeCluster();
      const all = await participants(cluster, 3);
      await Promise.all(all.map(({ broker }) => broker.subscribe([room])));
      const answered = await Promise.all(
        Array.from({ length: 600 }, (_, index) => keep(all[index % 3] as Participant, room, `${index}`)),
      );
      await settled(all);
      const counted = Array.from({ length: 600 }, (_, index) => index + 1);
      expect(answered.map(({ offset }) => offset).toSorted((a, b) => a - b)).toEqual(counted);
      for (const { sink } of all) {
        const delivered = sink.publications.filter(({ subscription }) => subscription === room);
        expect(offsets(delivered)).toEqual(counted);
        for (const { position, data } of delivered) {
          expect(position).toEqual(answered[Number(data.toString())]);
        }
      }
    });

    it('is missing where a publication is not kept, which is not in the history either', async () => {
      await using cluster = await makeCluster();
      const one = await participant(cluster);
      await one.broker.subscribe([room]);
      await keep(one, room, 'kept');
      expect(await one.broker.publish(textPublication(room, 'passing'))).toBeUndefined();
      await keep(one, room, 'kept too');
      await settled([one]);
      const delivered = one.sink.publications.filter(({ subscription }) => subscription === room);
      expect(delivered.map((publication) => Object.hasOwn(publication, 'position'))).toEqual([true, false, true]);
      expect(texts(delivered)).toEqual(['kept', 'passing', 'kept too']);
      expect(texts((await historyOf(one).read(room, { limit: 10 })).publications)).toEqual(['kept', 'kept too']);
      expect(offsets(delivered)).toEqual([1, undefined, 2]);
    });

    it('is counted for each subscription', async () => {
      await using cluster = await makeCluster();
      const one = await participant(cluster);
      for (const name of ['a', 'b', '', 'a', '__proto__', 'all', 'b', 'a']) await keep(one, name, name);
      for (const [name, count] of [
        ['a', 3],
        ['b', 2],
        ['', 1],
        ['__proto__', 1],
        ['all', 1],
        ['c', 0],
      ] as const) {
        const page = await historyOf(one).read(name, { limit: 10 });
        expect(texts(page.publications)).toEqual(Array(count).fill(name));
        expect(page.position.offset).toBe(count);
      }
    });

    it('is there before the first publication, and can be continued from', async () => {
      await using cluster = await makeCluster();
      const all = await participants(cluster, 2);
      const [one, other] = all as [Participant, Participant];
      const before = await historyOf(one).read(room, { limit: 10 });
      expect(before).toEqual({ publications: [], position: { epoch: expect.any(String), offset: 0 } });
      await keep(other, room, 'first');
      const after = await historyOf(one).read(room, { since: before.position, limit: 10 });
      expect(after.lost).toBeUndefined();
      expect(texts(after.publications)).toEqual(['first']);
    });

    it('survives a subscription that nobody is in, and the brokers that made it', async () => {
      await using cluster = await makeCluster();
      const [leaving, staying] = (await participants(cluster, 2)) as [Participant, Participant];
      await leaving.broker.subscribe([room]);
      const first = await keep(leaving, room, 'first');
      const second = await keep(leaving, room, 'second');
      await leaving.broker.unsubscribe([room]);
      await leaving.broker.close();
      await staying.broker.close();

      const late = await participant(cluster);
      const page = await historyOf(late).read(room, { since: first, limit: 10 });
      expect(page.position).toEqual(second);
      expect(texts(page.publications)).toEqual(['second']);
      expect(await keep(late, room, 'third')).toEqual({ epoch: first.epoch, offset: 3 });
    });
  });
}
