import { describe, expect, it } from 'vitest';
import { idempotencyMs, type Position, type Publication } from '../../src/broker/broker.ts';
import {
  participant,
  participants,
  settled,
  textPublication,
  type MakeBrokerCluster,
  type Participant,
} from '../support/broker-cluster.ts';
import { RecordingSink } from '../support/recording-sink.ts';
import { until } from '../support/until.ts';

const room = '/websocket/chat';
const history = { size: 100, ttl: 60 };

/** Ids and gaps: what src/broker/broker.ts promises of every broker about publishing again and about faults. */
export function publishContract(makeCluster: MakeBrokerCluster): void {
  describe('a publication with an id', () => {
    it('is published once, however often and by whomever it is tried again', async () => {
      await using cluster = await makeCluster();
      const all = await participants(cluster, 3);
      const [subscriber] = all as [Participant];
      await subscriber.broker.subscribe([room]);
      for (const { broker } of [...all, ...all]) {
        expect(await broker.publish(textPublication(room, 'once'), { id: 'a' })).toBeUndefined();
      }
      await settled(all);
      expect(subscriber.sink.texts(room)).toEqual(['once']);
    });

    it('answers the position of the first, also where the retries do not wait for it', async () => {
      await using cluster = await makeCluster();
      const all = await participants(cluster, 3);
      const [subscriber] = all as [Participant];
      await subscriber.broker.subscribe([room]);
      await subscriber.broker.publish(textPublication(room, 'before'), { history });
      const positions = await Promise.all(
        [...all, ...all].map(({ broker }) => broker.publish(textPublication(room, 'once'), { history, id: 'a' })),
      );
      await subscriber.broker.publish(textPublication(room, 'after'), { history });
      positions.push(await subscriber.broker.publish(textPublication(room, 'once'), { history, id: 'a' }));
      await settled(all);
      expect(subscriber.sink.texts(room)).toEqual(['before', 'once', 'after']);
      expect(positions.map((position) => position?.offset)).toEqual(Array(7).fill(2));
      expect(new Set(positions.map((position) => position?.epoch)).size).toBe(1);
    });

    it('answers so also when the history has long let go of it', async () => {
      await using cluster = await makeCluster();
      const one = await participant(cluster);
      const publish = (text: string, id: string): Promise<Position | undefined> =>
        one.broker.publish(textPublication(room, text), { history: { size: 1, ttl: 60 }, id });
      const first = await publish('first', '1');
      for (const id of ['2', '3', '4']) await publish(id, id);
      expect(await publish('first', '1')).toEqual(first);
      expect((await one.broker.history?.read(room, { limit: 10 }))?.publications).toHaveLength(1);
      expect((await publish('fifth', '5'))?.offset).toBe(5);
    });

    it('is another in another subscription, with another id, and without one', async () => {
      await using cluster = await makeCluster();
      const one = await participant(cluster);
      const names = ['a', 'b', 'a:b', ''];
      await one.broker.subscribe(names);
      for (const name of names) {
        for (const id of ['1', '2', 'a', 'b:1', ':1', '🔔', '', ' ', '1']) {
          await one.broker.publish(textPublication(name, `id ${id}`), { id });
        }
        await one.broker.publish(textPublication(name, 'none'));
        await one.broker.publish(textPublication(name, 'none'));
      }
      await settled([one]);
      for (const name of names) {
        expect(one.sink.texts(name)).toEqual(
          ['1', '2', 'a', 'b:1', ':1', '🔔', '', ' '].map((id) => `id ${id}`).concat('none', 'none'),
        );
      }
    });

    it('may have an id of 256 bytes, of which each counts', async () => {
      await using cluster = await makeCluster();
      const one = await participant(cluster);
      await one.broker.subscribe([room]);
      const ids = ['a', 'b'].map((last) => 'ü'.repeat(127) + `x${last}`);
      for (const id of [...ids, ...ids]) {
        expect(Buffer.byteLength(id)).toBe(256);
        await one.broker.publish(textPublication(room, id.slice(-1)), { id, history });
      }
      await settled([one]);
      expect(one.sink.texts(room)).toEqual(['a', 'b']);
    });

    it('is remembered for some minutes', () => {
      expect(idempotencyMs).toBe(300_000);
    });

    it('keeps its place in the order of those without', async () => {
      await using cluster = await makeCluster();
      const all = await participants(cluster, 2);
      await all[1]?.broker.subscribe([room]);
      const sent = Array.from({ length: 300 }, (_, index) => `message ${index}`);
      await Promise.all(
        sent.map((text, index) => {
          const options = [{}, { id: text }, { history }, { history, id: text }][index % 4];
          return all[0]?.broker.publish(textPublication(room, text), options);
        }),
      );
      await settled(all);
      expect(all[1]?.sink.texts(room)).toEqual(sent);
    });
  });

  describe('the gap', () => {
    it('is told of nobody where there was no fault', async () => {
      await using cluster = await makeCluster();
      const all = await participants(cluster, 2);
      await Promise.all(all.map(({ broker }) => broker.subscribe([room])));
      await Promise.all(
        Array.from({ length: 500 }, (_, index) => all[index % 2]?.broker.publish(textPublication(room, `${index}`))),
      );
      await settled(all);
      expect(all.map(({ sink }) => sink.gaps)).toEqual([[], []]);
    });

    it('names what was missed once that is subscribed again, and what is accepted later is delivered', async (context) => {
      await using cluster = await makeCluster();
      if (cluster.fault === undefined) return context.skip('nothing comes between these brokers');
      const publisher = await participant(cluster);
      const sink = new (class extends RecordingSink {
        /** Offsets as delivered; a gap is 0. */
        readonly seen: number[] = [];
        override deliver(publication: Publication): void {
          super.deliver(publication);
          if (publication.subscription === room) this.seen.push(publication.position?.offset ?? -1);
        }
        override gap(names: readonly string[]): void {
          super.gap(names);
          if (names.includes(room)) this.seen.push(0);
        }
      })();
      const { broker } = await participant(cluster, sink);
      await broker.subscribe([room, 'left again']);
      await broker.unsubscribe(['left again']);
      const data = Buffer.alloc(256 * 1024, 'x');
      let last = 0;
      await cluster.fault(broker, async () => {
        for (let index = 0; index < 64; index++) {
          const publication: Publication = { subscription: room, data, kind: 'text', exclude: [] };
          last = (await publisher.broker.publish(publication, { history }))?.offset ?? 0;
        }
      });
      await until(() => sink.seen.includes(0), { what: 'the gap was told' });
      await publisher.broker.publish(textPublication(room, 'after'), { history });
      await until(() => sink.seen.at(-1) === last + 1, { what: 'what came after the gap was delivered' });

      expect(sink.gaps.flat()).not.toContain('left again');
      const delivered = sink.seen.filter((offset) => offset !== 0);
      expect(delivered).toEqual([...new Set(delivered)].toSorted((a, b) => a - b));
      expect(delivered.length).toBeLessThan(last + 1);
      // Whatever is not there is missing at a place where a gap was told.
      let before = 0;
      let isTold = false;
      for (const offset of sink.seen) {
        if (offset === 0) isTold = true;
        else {
          expect(isTold || offset === before + 1, `${offset} after ${before}`).toBe(true);
          before = offset;
          isTold = false;
        }
      }
      expect(publisher.sink.gaps).toEqual([]);
    });
  });
}
