import { expect, it } from 'vitest';
import { textPublication } from '../support/broker-cluster.ts';
import { RecordingSink } from '../support/recording-sink.ts';
import { redisBrokers } from '../support/redis-brokers.ts';
import { startRedisCluster } from '../support/start-redis-cluster.ts';

const history = { size: 10, ttl: 60 };

it(
  'a slot that migrates serves what has all its keys, and the rest when it has moved',
  { timeout: 60_000 },
  async () => {
    await using cluster = await startRedisCluster();
    await using brokers = redisBrokers({ cluster: cluster.seeds, channelPrefix: '', commandTimeoutMs: 20_000 });
    const broker = await brokers.join();
    await broker.start(new RecordingSink());
    const [room, fresh] = ['{room}', '{room}fresh'];
    await broker.publish(textPublication(room, '1'), { history });
    // Nobody here has a user.
    await broker.presence.enter(room, { connectionId: 'a' });
    const slot = await cluster.slotOf(room);
    const [from, to] = [await cluster.primaryOf(slot), await cluster.otherPrimary(slot)];
    await to.server.admin.cluster('SETSLOT', slot, 'IMPORTING', from.id);
    await from.server.admin.cluster('SETSLOT', slot, 'MIGRATING', to.id);

    expect((await broker.publish(textPublication(room, '2'), { history }))?.offset).toBe(2);
    await broker.publish(textPublication(fresh, 'not kept'));
    expect((await broker.history.read(room, { limit: 5 })).publications.length).toBe(2);
    await broker.presence.enter(room, { connectionId: 'b', user: 'ann' });
    await broker.presence.leave(room, 'a');
    expect((await broker.presence.members(room, 5)).members).toEqual([{ connectionId: 'b', user: 'ann' }]);
    expect(await broker.presence.stats(room)).toEqual({ connections: 1, users: 1 });

    // Redis answers TRYAGAIN or ASK to these: a key that is not there yet could be on either side.
    const settled: string[] = [];
    const waiting = [
      broker.publish(textPublication(room, 'not kept'), { id: 'none' }).then(() => settled.push('not kept, with id')),
      broker.publish(textPublication(room, '3'), { history, id: 'three' }).then(() => settled.push('with id')),
      broker.publish(textPublication(fresh, '1'), { history }).then(() => settled.push('first of its room')),
      broker.presence.enter(fresh, { connectionId: 'c' }).then(() => settled.push('first member')),
    ];
    await broker.publish(textPublication('another slot', 'x'));
    expect(settled).toEqual([]);
    await cluster.migrateSlot(slot, to);
    await Promise.all(waiting);
    expect((await broker.history.read(room, { limit: 5 })).position.offset).toBe(3);
    expect((await broker.history.read(fresh, { limit: 5 })).position.offset).toBe(1);
    expect((await broker.presence.members(fresh, 5)).members).toEqual([{ connectionId: 'c' }]);
  },
);
