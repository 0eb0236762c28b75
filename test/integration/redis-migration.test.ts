import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { RedisBroker } from '../../src/broker/redis/redis-broker.ts';
import { RedisUnavailableError } from '../../src/broker/redis/redis-command-errors.ts';
import { textPublication } from '../support/broker-cluster.ts';
import { failureOf } from '../support/failure-of.ts';
import { RecordingSink } from '../support/recording-sink.ts';
import { redisBrokers, type RedisBrokers } from '../support/redis-brokers.ts';
import { startRedisCluster, type RedisCluster, type RedisClusterNode } from '../support/start-redis-cluster.ts';
import { until } from '../support/until.ts';

const history = { size: 100, ttl: 60 };
const quick = { channelPrefix: '', detectionMs: 1_000, connectTimeoutMs: 1_000 };

let cluster: RedisCluster;
beforeAll(async () => {
  cluster = await startRedisCluster();
}, 60_000);
afterAll(async () => {
  await cluster[Symbol.asyncDispose]();
});

let brokers: RedisBrokers;
let broker: RedisBroker;
let sink: RecordingSink;
beforeEach(async () => {
  brokers = redisBrokers({ cluster: cluster.seeds, ...quick });
  sink = new RecordingSink();
});
afterEach(async () => {
  await brokers[Symbol.asyncDispose]();
});

/** @param commandTimeoutMs long: for what is to be there still when the test goes on; short: for what is to be rejected */
async function join(commandTimeoutMs: number, name: string): Promise<void> {
  broker = await brokers.join({ commandTimeoutMs });
  await broker.start(sink);
  await broker.subscribe([name]);
}

/** A slot on its way. */
interface Migration {
  readonly slot: number;
  moveKeys(): Promise<void>;
  finish(): Promise<void>;
  giveUp(): Promise<void>;
}

/** Begins to move the slot of a name; it goes on when the test says so. */
async function beginMigration(name: string): Promise<Migration> {
  const slot = await cluster.slotOf(name);
  const from = await cluster.primaryOf(slot);
  const to = await cluster.otherPrimary(slot);
  const both = async (...command: [string, ...string[]]): Promise<void> => {
    for (const { server } of [to, from]) await server.admin.call('CLUSTER', 'SETSLOT', String(slot), ...command);
  };
  await to.server.admin.cluster('SETSLOT', slot, 'IMPORTING', from.id);
  await from.server.admin.cluster('SETSLOT', slot, 'MIGRATING', to.id);
  return {
    slot,
    moveKeys: () => moveKeys(slot, from, to),
    finish: async () => {
      await both('NODE', to.id);
      await cluster.settled();
    },
    giveUp: () => both('STABLE'),
  };
}

async function moveKeys(slot: number, from: RedisClusterNode, to: RedisClusterNode): Promise<void> {
  const keys = await from.server.admin.cluster('GETKEYSINSLOT', slot, 100);
  const { host, port } = to.server;
  await from.server.admin.call('MIGRATE', host, String(port), '', '0', '5000', 'KEYS', ...keys);
}

/** Whether it has come to an end, one way or the other, when what was asked later has been answered. */
async function isOver(promise: Promise<unknown>, name: string): Promise<boolean> {
  let is = false;
  promise.then(
    () => (is = true),
    () => (is = true),
  );
  await broker.publish(textPublication(name, 'plain'));
  return is;
}

describe('while a slot of a Redis Cluster is being moved', () => {
  it.each([
    ['with an id', { id: 'one' }],
    ['with history', { history }],
    ['with both', { history, id: 'one' }],
  ])('a publication %s waits until its subscribers can receive it', async (how, options) => {
    const name = `/waits ${how}`;
    await join(30_000, name);
    const migration = await beginMigration(name);
    const published = broker.publish(textPublication(name, 'waits'), options);
    // The other one is in the same slot.
    expect(await isOver(published, `other {${name}}`)).toBe(false);
    await migration.giveUp();
    await published;
    await until(() => sink.texts(name).includes('waits'), { what: 'it is delivered' });
    expect(sink.gaps).toEqual([]);
  });

  it('a publication that has waited too long is rejected with the reason, others go on', async () => {
    const name = '/too long';
    await join(500, name);
    const migration = await beginMigration(name);
    for (const options of [{ id: 'one' }, { history }]) {
      const failure = await failureOf(broker.publish(textPublication(name, 'x'), options), RedisUnavailableError);
      expect(failure.message).toMatch(
        new RegExp(`^slot ${migration.slot} of the Redis cluster is being migrated \\(Redis .*: (ASK|TRYAGAIN) `),
      );
      expect(failure).toMatchObject({ outcome: 'refused', trouble: 'migrating' });
    }
    await broker.publish(textPublication(name, 'plain'));
    await until(() => sink.texts(name).length > 0);
    expect(sink.texts(name)).toEqual(['plain']);
    await migration.giveUp();
  });

  it('a history that has moved already is read where it is, and what is published is kept when the slot follows', async () => {
    const name = '/moved';
    await join(30_000, name);
    await broker.publish(textPublication(name, '1'), { history });
    await until(() => sink.texts(name).length === 1);
    const migration = await beginMigration(name);
    await migration.moveKeys();
    const page = await broker.history.read(name, { limit: 10 });
    expect(page.publications.map(({ data }) => data.toString())).toEqual(['1']);
    const second = broker.publish(textPublication(name, '2'), { history });
    await migration.finish();
    expect((await second)?.offset).toBe(2);
    // Accepted where the slot is now; who is subscribed anew is told.
    await until(() => sink.gaps.flat().includes(name), { what: 'the gap is told' });
    const after = await broker.history.read(name, { limit: 10 });
    expect(after.publications.map(({ data }) => data.toString())).toEqual(['1', '2']);
  });

  it('a publication that another one has overtaken is rejected with the reason', async () => {
    const name = '/overtaken';
    await join(30_000, name);
    const migration = await beginMigration(name);
    const first = failureOf(broker.publish(textPublication(name, 'first'), { id: 'one' }), RedisUnavailableError);
    await broker.publish(textPublication(name, 'second'));
    expect((await first).message).toMatch(
      new RegExp(
        `^slot ${migration.slot} of the Redis cluster is being migrated .*, and a later publication was first$`,
      ),
    );
    await until(() => sink.texts(name).length > 0);
    expect(sink.texts(name)).toEqual(['second']);
    await migration.giveUp();
  });

  it('nobody is kept from entering by a publication', async () => {
    const name = '/entered';
    await join(30_000, name);
    const migration = await beginMigration(name);
    const entered = broker.presence.enter(name, { connectionId: 'ada' });
    expect(await isOver(entered, name)).toBe(false);
    await migration.giveUp();
    await entered;
    expect(await broker.presence.members(name, 10)).toEqual({ members: [{ connectionId: 'ada' }] });
  });
});

describe('behind a server of a Redis Cluster that hangs', () => {
  it('a publication whose slot is elsewhere by now is rejected in its time', async () => {
    // So slow that neither the cluster nor a probe does anything about it during the test.
    await using own = await startRedisCluster({ nodeTimeoutMs: 60_000 });
    await using others = redisBrokers({ cluster: own.seeds, ...quick, detectionMs: 60_000, commandTimeoutMs: 500 });
    const one = await others.join();
    await one.start(new RecordingSink());
    const name = '/hangs';
    const slot = await own.slotOf(name);
    const hung = await own.primaryOf(slot);
    const [to, from] = await livePrimaries(own, hung);
    hung.server.signal('SIGSTOP');
    const unanswered = await failureOf(one.publish(textPublication(name, '1')), RedisUnavailableError);
    expect(unanswered).toMatchObject({ trouble: 'silent', outcome: 'unknown' });

    await assign(slot, to, [to, from]);
    let failure = unanswered;
    const isBehind = async (): Promise<boolean> => {
      // MOVED makes the broker look who serves what.
      const another = await nameServedBy(from);
      await assign(await from.server.admin.cluster('KEYSLOT', another), to, [to, from]);
      await one.publish(textPublication(another, 'x'));
      failure = await failureOf(one.publish(textPublication(name, '2')), RedisUnavailableError);
      return failure.outcome === 'refused';
    };
    await until(isBehind, { what: 'the broker knows who serves the slot' });
    expect(failure).toMatchObject({ trouble: 'silent', message: `${serverOf(hung)} does not answer` });
    expect(one.stats.replaced.silent).toBe(0);
    hung.server.signal('SIGCONT');
  }, 60_000);
});

function serverOf({ server }: RedisClusterNode): string {
  return `Redis ${server.host}:${server.port}`;
}

async function livePrimaries(own: RedisCluster, hung: RedisClusterNode): Promise<[RedisClusterNode, RedisClusterNode]> {
  const ids = (await hung.server.admin.cluster('SLOTS')).map(([, , primary]) => primary?.[2]);
  const [first, second] = own.nodes.filter(({ id }) => id !== hung.id && ids.includes(id));
  if (first === undefined || second === undefined) throw new Error('there are not two primaries besides');
  return [first, second];
}

async function assign(slot: number, to: RedisClusterNode, told: readonly RedisClusterNode[]): Promise<void> {
  for (const { server } of told) await server.admin.cluster('SETSLOT', slot, 'NODE', to.id);
  await to.server.admin.call('CLUSTER', 'BUMPEPOCH');
}

/** A name whose slot this server serves, and without keys. */
async function nameServedBy({ id, server }: RedisClusterNode): Promise<string> {
  const ranges = (await server.admin.cluster('SLOTS')).filter(([, , primary]) => primary?.[2] === id);
  for (let tag = 0; ; tag++) {
    const slot = await server.admin.cluster('KEYSLOT', `/any ${tag}`);
    const isServed = ranges.some(([first, last]) => first <= slot && slot <= last);
    if (isServed && (await server.admin.cluster('COUNTKEYSINSLOT', slot)) === 0) return `/any ${tag}`;
  }
}
