import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { BrokerUnavailableError, type Broker } from '../../src/broker/broker.ts';
import { MemoryBroker } from '../../src/broker/memory/memory-broker.ts';
import { open } from '../../src/client/open.ts';
import { isWorthRetrying } from '../../src/client/retry-advice.ts';
import type { UserCapOptions } from '../../src/gateway/gateway-options.ts';
import { createGateway, type Gateway } from '../../src/index.ts';
import { silentLog } from '../../src/lib/log.ts';
import { Metrics } from '../../src/metrics/metrics.ts';
import type { BrokerCluster } from '../support/broker-cluster.ts';
import { FaultyBroker } from '../support/faulty-broker.ts';
import { MemoryCluster } from '../support/memory-cluster.ts';
import { redisBrokers } from '../support/redis-brokers.ts';
import { startRedis } from '../support/start-redis.ts';
import { TestClient } from '../support/test-client.ts';
import { until } from '../support/until.ts';

interface Node extends AsyncDisposable {
  readonly gateway: Gateway;
  readonly metrics: Metrics;
  readonly warnings: readonly string[];
  url(user: string): string;
  open(user?: string): Promise<TestClient>;
  /** How many connections of the user the cluster knows of. */
  countOf(user: string): Promise<number>;
}

/** A node where the user is whoever the path says. */
async function startNode(broker: Broker, perUser: UserCapOptions): Promise<Node> {
  const metrics = new Metrics();
  const warnings: string[] = [];
  const log = { ...silentLog, warn: (_: unknown, message: string) => void warnings.push(message) };
  const gateway = await createGateway({ broker, metrics, log, accept: { perUser }, closeTimeoutMs: 1_000 });
  const server = createServer();
  server.on('upgrade', (request, _socket, head) => {
    const user = decodeURIComponent(request.url?.slice(1) ?? '');
    gateway.handshake(request, {}, { head, ...(user === '' ? {} : { identity: { user } }) });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const url = (user: string): string => `ws://127.0.0.1:${port}/${encodeURIComponent(user)}`;
  return {
    gateway,
    metrics,
    warnings,
    countOf: async (user) => (await broker.presence?.stats(`carillon:user:${user}`))?.connections ?? 0,
    url,
    open: (user = '') => TestClient.open(url(user)),
    async [Symbol.asyncDispose]() {
      await gateway.close();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const isOpen = ({ webSocket }: TestClient): boolean => webSocket.readyState === webSocket.OPEN;
const openOf = (nodes: readonly Node[]): number =>
  nodes.reduce((sum, { gateway }) => sum + gateway.connections.size, 0);
const closedOf = (nodes: readonly Node[]): number =>
  nodes.reduce((sum, { metrics }) => sum + (metrics.counts.limitsExceeded.get('user-connections') ?? 0), 0);

const kinds: readonly (readonly [string, () => Promise<AsyncDisposable & { cluster: BrokerCluster }>])[] = [
  [
    'the embedded broker',
    async () => {
      const cluster = new MemoryCluster();
      return { cluster, [Symbol.asyncDispose]: () => cluster[Symbol.asyncDispose]() };
    },
  ],
  [
    'Redis',
    async () => {
      const redis = await startRedis();
      const cluster = redisBrokers({ url: redis.url });
      return {
        cluster,
        async [Symbol.asyncDispose]() {
          await cluster[Symbol.asyncDispose]();
          await redis[Symbol.asyncDispose]();
        },
      };
    },
  ],
];

describe.each(kinds)('the cap on connections per user, with %s', (_kind, make) => {
  it('closes the new one with 4501 on whichever node, and makes room when one leaves', async () => {
    await using made = await make();
    const perUser = { connections: 2, excess: 'reject' } as const;
    await using one = await startNode(await made.cluster.join(), perUser);
    await using other = await startNode(await made.cluster.join(), perUser);
    await using first = await one.open('ada');
    await using second = await other.open('ada');
    await until(async () => (await one.countOf('ada')) === 2);
    await using third = await other.open('ada');
    const end = await third.closed;
    expect(end).toEqual({ code: 4501, reason: 'this user has 2 connections already (accept.perUser)' });
    expect(isWorthRetrying(end)).toBe(true);
    await using bob = await other.open('bob');
    await until(async () => (await one.countOf('bob')) === 1);
    expect([first, second, bob].map(isOpen)).toEqual([true, true, true]);
    expect(closedOf([one, other])).toBe(1);
    first.webSocket.close();
    await until(async () => (await one.countOf('ada')) === 1);
    await using fourth = await one.open('ada');
    await using fifth = await one.open('ada');
    expect((await fifth.closed).code).toBe(4501);
    expect([second, fourth].map(isOpen)).toEqual([true, true]);
  });

  it('closes the oldest wherever it is, where that is wanted', async () => {
    await using made = await make();
    const perUser = { connections: 2, excess: 'close-oldest' } as const;
    await using one = await startNode(await made.cluster.join(), perUser);
    await using other = await startNode(await made.cluster.join(), perUser);
    await using first = await one.open('ada');
    await until(async () => (await one.countOf('ada')) === 1);
    await using second = await other.open('ada');
    await until(async () => (await one.countOf('ada')) === 2);
    await using third = await other.open('ada');
    const end = await first.closed;
    expect(end).toEqual({
      code: 4504,
      reason: 'the oldest of more than 2 connections of this user (accept.perUser)',
    });
    // Else the two would replace each other for ever.
    expect(isWorthRetrying(end)).toBe(false);
    await using fourth = await one.open('ada');
    expect((await second.closed).code).toBe(4504);
    expect([third, fourth].map(isOpen)).toEqual([true, true]);
    expect(closedOf([one, other])).toBe(2);
  });

  it('lets a client in again that comes back before what a lost node had has expired', async () => {
    await using made = await make();
    const broker = await made.cluster.join();
    await using one = await startNode(broker, { connections: 1, excess: 'reject' });
    await broker.presence?.enter('carillon:user:ada', { connectionId: 'lost', user: 'ada' });
    const codes: (number | undefined)[] = [];
    const client = await open(one.url('ada'), {
      reconnect: { baseMs: 1, capMs: 50 },
      onState: (change) => {
        if (change.state === 'reconnecting') codes.push(change.end.code);
      },
    });
    await until(() => codes.length >= 2);
    await broker.presence?.leave('carillon:user:ada', 'lost');
    await until(async () => client.state === 'open' && (await one.countOf('ada')) === 1);
    expect(new Set(codes)).toEqual(new Set([4501]));
    await client.close();
  });

  it.each(['reject', 'close-oldest'] as const)(
    'leaves as many as it allows of those that come at once (%s)',
    async (excess) => {
      await using made = await make();
      const nodes = [
        await startNode(await made.cluster.join(), { connections: 3, excess }),
        await startNode(await made.cluster.join(), { connections: 3, excess }),
      ];
      await using _nodes = {
        [Symbol.asyncDispose]: async () => void (await Promise.all(nodes.map((node) => node[Symbol.asyncDispose]()))),
      };
      const clients = await Promise.all(Array.from({ length: 20 }, (_, index) => nodes[index % 2]?.open('ada')));
      await until(() => closedOf(nodes) === 17 && openOf(nodes) === 3);
      for (const client of clients) await client?.[Symbol.asyncDispose]();
      await until(async () => (await nodes[0]?.countOf('ada')) === 0);
    },
  );

  it('does not hold for those of whom nobody knows who they are', async () => {
    await using made = await make();
    await using one = await startNode(await made.cluster.join(), { connections: 1, excess: 'reject' });
    await using first = await one.open();
    await using second = await one.open();
    await using ada = await one.open('ada');
    await until(async () => (await one.countOf('ada')) === 1);
    await using again = await one.open('ada');
    expect((await again.closed).code).toBe(4501);
    expect([first, second, ada].map(isOpen)).toEqual([true, true, true]);
  });
});

describe('the cap on connections per user', () => {
  it('does not hold while the broker is away, which is said of each', async () => {
    const broker = new FaultyBroker();
    const { enter } = broker.presence;
    await using one = await startNode(broker, { connections: 1, excess: 'reject' });
    Object.assign(broker.presence, { enter: () => Promise.reject(new BrokerUnavailableError('away, says the test')) });
    await using first = await one.open('ada');
    await using second = await one.open('ada');
    await until(() => one.warnings.length === 2);
    Object.assign(broker.presence, { enter });
    await using third = await one.open('ada');
    await until(async () => (await one.countOf('ada')) === 1);
    await using fourth = await one.open('ada');
    expect((await fourth.closed).code).toBe(4501);
    expect([first, second, third].map(isOpen)).toEqual([true, true, true]);
    const warning = 'connections of a user could not be counted, so accept.perUser does not hold for one that has come';
    expect(one.warnings).toEqual([warning, warning]);
  });

  it('is refused at the start with a broker that has no presence', async () => {
    const inner = new MemoryBroker();
    const broker: Broker = {
      start: (sink) => inner.start(sink),
      subscribe: (names) => inner.subscribe(names),
      unsubscribe: (names) => inner.unsubscribe(names),
      publish: (publication) => inner.publish(publication),
      close: () => inner.close(),
    };
    await expect(startNode(broker, { connections: 1, excess: 'reject' })).rejects.toMatchObject({
      code: 'BROKER_CAPABILITY',
      message: 'accept.perUser needs presence, which the broker in use does not offer',
    });
  });
});
