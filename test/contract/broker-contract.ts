import { describe, expect, it } from 'vitest';
import { BrokerClosedError, type Publication } from '../../src/broker/broker.ts';
import {
  participant,
  participants,
  settled,
  textPublication,
  type MakeBrokerCluster,
} from '../support/broker-cluster.ts';
import { RecordingSink } from '../support/recording-sink.ts';
import { payloadContract } from './payload-contract.ts';

const room = '/websocket/chat';

/** What src/broker/broker.ts promises of every broker, sentence by sentence. */
export function brokerContract(makeCluster: MakeBrokerCluster): void {
  payloadContract(makeCluster);

  describe('delivery', () => {
    it('reaches every subscribed broker, the publisher included, and no other', async () => {
      await using cluster = await makeCluster();
      const all = await participants(cluster, 3);
      const [publisher, subscriber, stranger] = all as [(typeof all)[0], (typeof all)[0], (typeof all)[0]];
      await publisher.broker.subscribe([room]);
      await subscriber.broker.subscribe([room, 'another']);
      await stranger.broker.subscribe(['another']);

      await publisher.broker.publish(textPublication(room, 'hello'));
      await settled(all);

      expect(all.map(({ sink }) => sink.texts(room))).toEqual([['hello'], ['hello'], []]);
    });

    it('happens at most once, and without a fault exactly once', async () => {
      await using cluster = await makeCluster();
      const all = await participants(cluster, 3);
      await Promise.all(all.map(({ broker }) => broker.subscribe([room])));

      const sent = Array.from({ length: 1_500 }, (_, index) => `message ${index}`);
      await Promise.all(sent.map((text, index) => all[index % 3]?.broker.publish(textPublication(room, text))));
      await settled(all);

      for (const { sink } of all) expect(sink.texts(room).toSorted()).toEqual(sent.toSorted());
    });

    it('keeps the order of the publish calls of one broker', async () => {
      await using cluster = await makeCluster();
      const all = await participants(cluster, 2);
      await Promise.all(all.map(({ broker }) => broker.subscribe([room])));

      const sent = Array.from({ length: 1_000 }, (_, index) => `message ${index}`);
      // Long and short ones take different ways inside a broker and must not overtake each other.
      const padding = Buffer.alloc(40_000, 'x');
      await Promise.all(
        sent.map((text, index) => {
          const data = index % 10 === 0 ? Buffer.concat([Buffer.from(text), padding]) : Buffer.from(text);
          return all[0]?.broker.publish({ subscription: room, data, kind: 'text', exclude: [] });
        }),
      );
      await settled(all);

      for (const { sink } of all) expect(sink.texts(room).map((text) => text.replace(/x*$/, ''))).toEqual(sent);
    });

    it('has one order everywhere where several brokers publish to one subscription', async () => {
      await using cluster = await makeCluster();
      const all = await participants(cluster, 3);
      await Promise.all(all.map(({ broker }) => broker.subscribe([room])));

      for (let round = 0; round < 20; round++) {
        await Promise.all(
          all.flatMap(({ broker }, publisher) =>
            Array.from({ length: 10 }, (_, index) =>
              broker.publish(textPublication(room, `${publisher} ${round} ${index}`)),
            ),
          ),
        );
      }
      await settled(all);

      const [first, ...others] = all.map(({ sink }) => sink.texts(room));
      expect(first).toHaveLength(600);
      for (const other of others) expect(other).toEqual(first);
    });

    it('is never synchronous within publish', async () => {
      await using cluster = await makeCluster();
      const one = await participant(cluster);
      await one.broker.subscribe([room]);
      await settled([one]);

      const before = one.sink.publications.length;
      const published = one.broker.publish(textPublication(room, 'hello'));
      expect(one.sink.publications).toHaveLength(before);

      await published;
      await settled([one]);
      expect(one.sink.texts(room)).toEqual(['hello']);
    });

    it('may publish from within a delivery', async () => {
      await using cluster = await makeCluster();
      const echo = await cluster.join();
      const sink = new (class extends RecordingSink {
        override deliver(publication: Publication): void {
          super.deliver(publication);
          if (publication.subscription === 'question') void echo.publish({ ...publication, subscription: 'answer' });
        }
      })();
      await echo.start(sink);
      const asking = await participant(cluster);
      await echo.subscribe(['question']);
      await asking.broker.subscribe(['answer']);

      await asking.broker.publish(textPublication('question', 'who is there?'));
      await settled([{ broker: echo, sink }, asking]);
      await settled([{ broker: echo, sink }, asking]);
      expect(asking.sink.texts('answer')).toEqual(['who is there?']);
    });
  });

  describe('subscribe and unsubscribe', () => {
    it('resolve when a publication accepted later, by any broker, will be delivered', async () => {
      await using cluster = await makeCluster();
      const all = await participants(cluster, 2);
      const [subscriber, publisher] = all as [(typeof all)[0], (typeof all)[0]];

      for (let round = 0; round < 100; round++) {
        await subscriber.broker.subscribe([`round ${round}`]);
        await publisher.broker.publish(textPublication(`round ${round}`, 'in time'));
      }
      await settled(all);

      for (let round = 0; round < 100; round++) expect(subscriber.sink.texts(`round ${round}`)).toEqual(['in time']);
    });

    it('let nothing come after unsubscribe was called, not even what was under way', async () => {
      await using cluster = await makeCluster();
      const all = await participants(cluster, 2);
      const [subscriber, publisher] = all as [(typeof all)[0], (typeof all)[0]];

      for (let round = 0; round < 50; round++) {
        const name = `round ${round}`;
        await subscriber.broker.subscribe([name]);
        const published = [subscriber, publisher].map(({ broker }) => broker.publish(textPublication(name, 'late')));
        if (round % 2 === 0) await Promise.all(published);
        const left = subscriber.broker.unsubscribe([name]);
        const delivered = subscriber.sink.texts(name).length;
        await Promise.all([...published, left]);
        await settled(all);
        expect(subscriber.sink.texts(name)).toHaveLength(delivered);
      }
    });

    it('can be repeated: who subscribes again is delivered to again', async () => {
      await using cluster = await makeCluster();
      const one = await participant(cluster);
      await one.broker.subscribe([room]);
      await one.broker.unsubscribe([room]);
      await one.broker.publish(textPublication(room, 'missed'));
      await one.broker.subscribe([room]);
      await one.broker.publish(textPublication(room, 'heard'));
      await settled([one]);
      expect(one.sink.texts(room)).toEqual(['heard']);
    });

    it('take effect in the order of the calls', async () => {
      await using cluster = await makeCluster();
      const one = await participant(cluster);
      await Promise.all([
        one.broker.subscribe(['in', 'out']),
        one.broker.unsubscribe(['in']),
        one.broker.subscribe(['in']),
        one.broker.unsubscribe(['out']),
        one.broker.subscribe(['out']),
        one.broker.unsubscribe(['out']),
      ]);
      await one.broker.publish(textPublication('in', 'hello'));
      await one.broker.publish(textPublication('out', 'hello'));
      await settled([one]);
      expect(one.sink.texts('in')).toEqual(['hello']);
      expect(one.sink.texts('out')).toEqual([]);
    });

    it('are not counted, and subscribing twice is harmless', async () => {
      await using cluster = await makeCluster();
      const one = await participant(cluster);
      await Promise.all([one.broker.subscribe([room, room]), one.broker.subscribe([room])]);
      await one.broker.subscribe([room]);
      await one.broker.publish(textPublication(room, 'once'));
      await settled([one]);
      expect(one.sink.texts(room)).toEqual(['once']);

      await one.broker.unsubscribe([room]);
      await one.broker.publish(textPublication(room, 'never'));
      await settled([one]);
      expect(one.sink.texts(room)).toEqual(['once']);
    });

    it('accept no names at all, and names that are not subscribed', async () => {
      await using cluster = await makeCluster();
      const one = await participant(cluster);
      await one.broker.subscribe([]);
      await one.broker.unsubscribe([]);
      await one.broker.unsubscribe(['never heard of']);
    });

    it('keep no hold of the array of names', async () => {
      await using cluster = await makeCluster();
      const one = await participant(cluster);
      const names = [room];
      const subscribed = one.broker.subscribe(names);
      names[0] = 'another';
      await subscribed;
      await one.broker.publish(textPublication(room, 'hello'));
      await settled([one]);
      expect(one.sink.texts(room)).toEqual(['hello']);
    });
  });

  describe('publish', () => {
    it('is accepted where nobody is subscribed, and has no position where there is no history', async () => {
      await using cluster = await makeCluster();
      const one = await participant(cluster);
      expect(await one.broker.publish(textPublication('nobody', 'hello'))).toBeUndefined();
    });

    it('goes on in what comes after a burst', async () => {
      await using cluster = await makeCluster();
      const all = await participants(cluster, 2);
      await all[0]?.broker.subscribe([room]);
      const burst = Array.from({ length: 20_000 }, (_, index) => textPublication(room, String(index)));
      await Promise.all(burst.map((publication) => all[1]?.broker.publish(publication)));
      await all[1]?.broker.publish(textPublication(room, 'after'));
      await settled(all);
      expect(all[0]?.sink.texts(room)).toHaveLength(20_001);
      expect(all[0]?.sink.texts(room).at(-1)).toBe('after');
    });
  });

  describe('close', () => {
    it('ends deliveries at the call', async () => {
      await using cluster = await makeCluster();
      const all = await participants(cluster, 2);
      const [leaving, staying] = all as [(typeof all)[0], (typeof all)[0]];
      await Promise.all(all.map(({ broker }) => broker.subscribe([room])));
      await staying.broker.publish(textPublication(room, 'before'));
      await settled(all);

      const published = staying.broker.publish(textPublication(room, 'under way'));
      await leaving.broker.close();
      await published;
      await staying.broker.publish(textPublication(room, 'after'));
      await settled([staying]);

      expect(leaving.sink.texts(room)).toEqual(['before']);
      expect(staying.sink.texts(room)).toEqual(['before', 'under way', 'after']);
    });

    it('lets what was published before it still reach the others', async () => {
      await using cluster = await makeCluster();
      const all = await participants(cluster, 2);
      await all[1]?.broker.subscribe([room]);
      const published = all[0]?.broker.publish(textPublication(room, 'good bye'));
      await all[0]?.broker.close();
      await published;
      await settled(all.slice(1));
      expect(all[1]?.sink.texts(room)).toEqual(['good bye']);
    });

    it('makes every other method reject with BrokerClosedError', async () => {
      await using cluster = await makeCluster();
      const { broker, sink } = await participant(cluster);
      const closed = broker.close();
      for (const call of [
        () => broker.start(sink),
        () => broker.publish(textPublication(room, 'hello')),
        () => broker.subscribe([room]),
        () => broker.unsubscribe([room]),
      ]) {
        await expect(call()).rejects.toBeInstanceOf(BrokerClosedError);
      }
      await closed;
      await expect(broker.publish(textPublication(room, 'hello'))).rejects.toBeInstanceOf(BrokerClosedError);
      await expect(broker.start(sink)).rejects.toBeInstanceOf(BrokerClosedError);
    });

    it('makes start reject with BrokerClosedError where there was none before', async () => {
      await using cluster = await makeCluster();
      const broker = await cluster.join();
      await broker.close();
      await expect(broker.start(new RecordingSink())).rejects.toBeInstanceOf(BrokerClosedError);
    });

    it('is idempotent, and does not need a start', async () => {
      await using cluster = await makeCluster();
      const { broker } = await participant(cluster);
      await Promise.all([broker.close(), broker.close()]);
      await broker.close();
      await (await cluster.join()).close();
    });
  });
}
