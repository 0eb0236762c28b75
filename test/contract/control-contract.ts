import { describe, expect, it } from 'vitest';
import {
  BrokerClosedError,
  reservedPrefix,
  type Broker,
  type ControlCapability,
  type ControlMessage,
} from '../../src/broker/broker.ts';
import {
  participant,
  participants,
  settled,
  textPublication,
  type MakeBrokerCluster,
} from '../support/broker-cluster.ts';
import { until } from '../support/until.ts';

function controlOf({ broker }: { readonly broker: Broker }): ControlCapability {
  if (broker.control === undefined) throw new Error('this broker has no control');
  return broker.control;
}

/** What ControlCapability in src/broker/broker.ts promises, for brokers that have it. */
export function controlContract(makeCluster: MakeBrokerCluster): void {
  describe('control', () => {
    it('reaches every listening broker of one node, or of all nodes, the own one included', async () => {
      await using cluster = await makeCluster();
      const all = await participants(cluster, 4);
      const nodes = ['left', 'left', 'right', 'ü 🔔'];
      const received: string[][] = nodes.map(() => []);
      await Promise.all(
        all.map((one, index) =>
          controlOf(one).listen(nodes[index] as string, ({ body }) => received[index]?.push(body)),
        ),
      );

      const [first] = all as [(typeof all)[0]];
      await controlOf(first).send({ type: 'test', body: 'to all' });
      await controlOf(first).send({ type: 'test', body: 'to left' }, 'left');
      await controlOf(first).send({ type: 'test', body: 'to right' }, 'right');
      await controlOf(first).send({ type: 'test', body: 'to ü' }, 'ü 🔔');
      await controlOf(first).send({ type: 'test', body: 'to nobody' }, 'nobody');
      await controlOf(first).send({ type: 'test', body: 'the end' });
      await until(() => received.every((bodies) => bodies.length >= 3));
      await settled(all);

      // To one node and to all are two subscriptions: among each other they have no order.
      expect(received.map((bodies) => bodies.toSorted())).toEqual([
        ['the end', 'to all', 'to left'],
        ['the end', 'to all', 'to left'],
        ['the end', 'to all', 'to right'],
        ['the end', 'to all', 'to ü'],
      ]);
    });

    it('arrives as it was sent, in the order of one sender, once', async () => {
      await using cluster = await makeCluster();
      const all = await participants(cluster, 2);
      const received: ControlMessage[] = [];
      await controlOf(all[0] as (typeof all)[0]).listen('node', (message) => received.push(message));
      const bodies = ['', '{}', '{"user":"Åsa 🔔","code":4000}', '"\\u0000"', '\u0000\n"\\', 'x'.repeat(100_000)];
      const sent = bodies.map((body, index) => ({ type: index === 0 ? '' : `type ${index} ü`, body }));
      await Promise.all(sent.map((message) => controlOf(all[1] as (typeof all)[0]).send(message, 'node')));
      await settled(all);
      await until(() => received.length >= sent.length);
      expect(received).toEqual(sent);
    });

    it('tells the sinks nothing, and who does not listen hears nothing', async () => {
      await using cluster = await makeCluster();
      const all = await participants(cluster, 2);
      const received: ControlMessage[] = [];
      await controlOf(all[0] as (typeof all)[0]).listen('node', (message) => received.push(message));
      for (const one of all) {
        await controlOf(one).send({ type: 'a', body: '' });
        await controlOf(one).send({ type: 'b', body: '' }, 'node');
      }
      await until(() => received.length === 4);
      await settled(all);
      for (const { sink } of all) {
        expect(sink.publications.filter(({ subscription }) => !subscription.startsWith('fence'))).toEqual([]);
        expect(sink.events).toEqual([]);
        expect(sink.gaps).toEqual([]);
      }
    });

    it('ignores what is no control message, and hears what comes after it', async () => {
      await using cluster = await makeCluster();
      const all = await participants(cluster, 2);
      const received: ControlMessage[] = [];
      await controlOf(all[0] as (typeof all)[0]).listen('node', (message) => received.push(message));
      const stranger = (all[1] as (typeof all)[0]).broker;
      const rubbish = ['', 'rubbish', '{', 'null', '[]', '7', '"text"', '{"type":"a"}', '{"body":"a"}'];
      rubbish.push('{"type":1,"body":"a"}', '{"type":"a","body":{}}', '{"type":null,"body":null}');
      for (const name of ['carillon:control', 'carillon:control:node']) {
        for (const text of rubbish) await stranger.publish(textPublication(name, text));
        const data = Buffer.from([0xff, 0x00, 0xfe]);
        await stranger.publish({ subscription: name, data, kind: 'binary', exclude: [] });
      }
      await stranger.publish(textPublication('carillon:control', '{"type":"a","body":"b","more":1}'));
      await until(() => received.length > 0);
      await settled(all);
      expect(received).toEqual([{ type: 'a', body: 'b' }]);
      expect(all[0]?.sink.publications.filter(({ subscription }) => subscription.startsWith(reservedPrefix))).toEqual(
        [],
      );
    });

    it('may send from within receive', async () => {
      await using cluster = await makeCluster();
      const all = await participants(cluster, 2);
      const [asking, answering] = all as [(typeof all)[0], (typeof all)[0]];
      const answers: string[] = [];
      await controlOf(asking).listen('asking', ({ body }) => answers.push(body));
      await controlOf(answering).listen('answering', ({ type, body }) => {
        if (type === 'question') void controlOf(answering).send({ type: 'answer', body }, 'asking');
      });
      await controlOf(asking).send({ type: 'question', body: 'who is there?' }, 'answering');
      await until(() => answers.length > 0);
      expect(answers).toEqual(['who is there?']);
    });

    it('ends at the close, and rejects with BrokerClosedError from then on', async () => {
      await using cluster = await makeCluster();
      const staying = await participant(cluster);
      const leaving = await participant(cluster);
      const received: string[] = [];
      const heard: string[] = [];
      await controlOf(leaving).listen('node', ({ body }) => received.push(body));
      await controlOf(staying).listen('node', ({ body }) => heard.push(body));
      await controlOf(staying).send({ type: 'a', body: 'before' });
      await until(() => received.length === 1 && heard.length === 1);
      const sent = controlOf(staying).send({ type: 'a', body: 'under way' });
      const closed = leaving.broker.close();
      await Promise.all([sent, closed]);
      await controlOf(staying).send({ type: 'a', body: 'after' });
      await until(() => heard.length === 3);
      expect(received).toEqual(['before']);
      const control = controlOf(leaving);
      await expect(control.send({ type: 'a', body: '' })).rejects.toBeInstanceOf(BrokerClosedError);
      await expect(control.listen('node', () => {})).rejects.toBeInstanceOf(BrokerClosedError);
    });
  });
}
