import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Position } from '../../src/broker/broker.ts';
import { RedisHistory } from '../../src/broker/redis/redis-history.ts';
import { RedisPublish } from '../../src/broker/redis/redis-publish.ts';
import { textPublication } from '../support/broker-cluster.ts';
import { redisContext } from '../support/redis-client-commands.ts';
import { startRedis, type RedisServer } from '../support/start-redis.ts';
import { until } from '../support/until.ts';

const room = '/websocket/chat';
const history = { size: 100, ttl: 60 };

async function publish({ admin }: RedisServer, ...texts: readonly string[]): Promise<Position[]> {
  const publisher = new RedisPublish(redisContext(admin));
  const positions: Position[] = [];
  for (const text of texts) {
    const position = await publisher.publish(textPublication(room, text), { history });
    if (position !== undefined) positions.push(position);
  }
  return positions;
}

/** What a client gets that comes back with this position. */
async function recover({ admin }: RedisServer, since: Position | undefined): Promise<string[] | string> {
  const page = await new RedisHistory(redisContext(admin)).read(room, { limit: 100, ...(since && { since }) });
  return page.lost ?? page.publications.map(({ data }) => data.toString());
}

/** Until `replica` has all that `primary` has. */
async function follow(replica: RedisServer, primary: RedisServer): Promise<void> {
  await replica.admin.replicaof(primary.host, primary.port);
  await inStep(replica, primary);
}

async function inStep(replica: RedisServer, primary: RedisServer): Promise<void> {
  await until(
    async () => {
      const [theirs, ours] = await Promise.all([primary, replica].map(({ admin }) => admin.info('replication')));
      const offset = /master_repl_offset:(\d+)/;
      return (
        ours?.includes('master_link_status:up') === true && offset.exec(ours)?.[1] === offset.exec(theirs ?? '')?.[1]
      );
    },
    { what: 'the replica has what the primary has' },
  );
}

const quickSync = ['--repl-diskless-sync-delay', '0'];

describe('positions, when Redis comes back', () => {
  it('are good after a restart with nothing lost', async () => {
    await using server = await startRedis({ args: ['--appendonly', 'yes', '--appendfsync', 'always'] });
    const before = await publish(server, '1', '2', '3');
    await server.restart();
    expect(await recover(server, before[1])).toEqual(['3']);
    expect(await recover(server, before[2])).toEqual([]);
    const after = await publish(server, '4');
    expect(after[0]?.offset).toBe(4);
    expect(after[0]?.epoch).not.toBe(before[2]?.epoch);
    for (const [index, position] of before.entries()) {
      expect(await recover(server, position)).toEqual(['1', '2', '3', '4'].slice(index + 1));
    }
    await server.restart();
    await publish(server, '5');
    expect(await recover(server, before[0])).toEqual(['2', '3', '4', '5']);
    expect(await recover(server, after[0])).toEqual(['5']);
  });

  it('are lost to those who saw what an older copy does not have, and good for the others', async () => {
    await using server = await startRedis();
    const kept = await publish(server, '1', '2');
    await server.admin.save();
    const folder = (await server.admin.config('GET', 'dir'))[1] ?? '';
    await copyFile(join(folder, 'dump.rdb'), join(folder, 'older.rdb'));
    const lost = await publish(server, 'lost 3', 'lost 4', 'lost 5');
    await server.stop();
    await copyFile(join(folder, 'older.rdb'), join(folder, 'dump.rdb'));
    await server.restart();

    const after = await publish(server, '3', '4', '5', '6');
    expect(after.map(({ offset }) => offset)).toEqual([3, 4, 5, 6]);
    for (const position of lost) expect(await recover(server, position)).toBe('epoch');
    expect(await recover(server, kept[0])).toEqual(['2', '3', '4', '5', '6']);
    expect(await recover(server, kept[1])).toEqual(['3', '4', '5', '6']);
    expect(await recover(server, after[1])).toEqual(['5', '6']);
  });

  it('are told apart when the same offsets are lost twice', async () => {
    await using server = await startRedis();
    const kept = await publish(server, '1');
    await server.admin.save();
    await server.restart();
    const firstLost = await publish(server, 'first 2', 'first 3');
    await server.restart();
    const secondLost = await publish(server, 'second 2', 'second 3');
    await server.restart();
    await publish(server, '2', '3', '4');
    for (const position of [...firstLost, ...secondLost]) expect(await recover(server, position)).toBe('epoch');
    expect(await recover(server, kept[0])).toEqual(['2', '3', '4']);
  });

  it('that were read after the loss are good, those that were read before it are not', async () => {
    await using server = await startRedis();
    await publish(server, '1');
    await server.admin.save();
    await publish(server, 'lost');
    const { position: before } = await new RedisHistory(redisContext(server.admin)).read(room, { limit: 0 });
    await server.restart();
    const { position: after } = await new RedisHistory(redisContext(server.admin)).read(room, { limit: 0 });
    expect([before.offset, after.offset]).toEqual([2, 1]);
    await publish(server, '2', '3');
    expect(await recover(server, before)).toBe('epoch');
    expect(await recover(server, after)).toEqual(['2', '3']);
  });

  it('are good with a replica that had all, and lost to those who saw what it had not', async () => {
    await using primary = await startRedis({ args: quickSync });
    await using replica = await startRedis({ args: quickSync });
    await publish(primary, '1');
    await follow(replica, primary);
    const kept = await publish(primary, '2', '3');
    await inStep(replica, primary);
    // The replica hears no more of its primary.
    await replica.admin.replicaof(primary.host, 1);
    const lost = await publish(primary, 'lost 4', 'lost 5');
    await replica.admin.replicaof('NO', 'ONE');
    const after = await publish(replica, '4', '5', '6');
    expect(after.map(({ offset }) => offset)).toEqual([4, 5, 6]);
    for (const position of lost) expect(await recover(replica, position)).toBe('epoch');
    expect(await recover(replica, kept[0])).toEqual(['3', '4', '5', '6']);
    expect(await recover(replica, kept[1])).toEqual(['4', '5', '6']);

    // The old primary follows, and takes over again, without its process having ended.
    await follow(primary, replica);
    await replica.stop();
    await primary.admin.replicaof('NO', 'ONE');
    await publish(primary, '7');
    for (const position of lost) expect(await recover(primary, position)).toBe('epoch');
    expect(await recover(primary, kept[1])).toEqual(['4', '5', '6', '7']);
    expect(await recover(primary, after[2])).toEqual(['7']);
  });

  it('are lost when it comes back empty', async () => {
    await using server = await startRedis();
    const [first] = await publish(server, '1', '2');
    await server.restart({ empty: true });
    expect(await recover(server, first)).toBe('epoch');
    await publish(server, 'new');
    expect(await recover(server, first)).toBe('epoch');
    expect(await recover(server, undefined)).toEqual(['new']);
  });

  it('are forgotten after many generations, and then said to be lost', async () => {
    await using server = await startRedis({ args: ['--enable-debug-command', 'yes'] });
    const positions: Position[] = [];
    for (let generation = 0; generation < 35; generation++) {
      positions.push(...(await publish(server, String(generation))));
      await server.admin.debug('CHANGE-REPL-ID');
    }
    const kept = await Promise.all(positions.map((position) => recover(server, position)));
    // The reading began one more.
    expect(kept.map((each) => each === 'epoch')).toEqual(positions.map((_, index) => index < 4));
    expect(kept[4]).toEqual(positions.slice(5).map((_, index) => String(index + 5)));
  });
});
