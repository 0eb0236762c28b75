import { randomBytes } from 'node:crypto';
import { ChatPublisher } from './chat-publisher.ts';
import { LogViewClient } from './log-view-client.ts';
import { RecoveringChat } from './recovering-chat.ts';
import { startAll, stopAll } from './start-all.ts';
import { startProduct, type Product, type ProductConfig } from './start-product.ts';
import { startPrometheus, type Prometheus, type StartPrometheusOptions } from './start-prometheus.ts';
import { startRedis, type RedisServer } from './start-redis.ts';
import { startTcpProxy, type StartedTcpProxy } from './start-tcp-proxy.ts';
import { TestClient } from './test-client.ts';

/** Half of the longest message of chat, so that it fits as text; not to be compressed to nothing. */
const piece = randomBytes(24_000).toString('base64');

const rooms: ProductConfig = {
  apps: {
    chat: { urls: ['/kept', '/short', '/dropping', '/latest', '/resync', '/closing', '/secret'] },
    echo: { urls: ['/echo'] },
    'log-view': { urls: ['/logs'], auth: { type: 'loopback' }, logs: { app: 'app.log' } },
  },
  compression: { enabled: true, thresholdBytes: 10 },
  // Clients that do not read answer no ping either, and are to stay.
  heartbeat: { intervalMs: 0 },
  subscriptions: [
    { pattern: '/kept', history: { size: 10_000, ttl: 60 } },
    { pattern: '/short', history: { size: 2, ttl: 60 } },
    { pattern: '/dropping', history: false, slowConsumer: 'drop-oldest' },
    { pattern: '/latest', history: false, slowConsumer: 'keep-latest' },
    { pattern: '/resync', history: { size: 10, ttl: 60 }, slowConsumer: 'resync' },
    { pattern: '/closing', history: false },
    { pattern: '/secret', history: false },
  ],
};

/**
 * Two nodes on one Redis, `two` through a proxy, and a node of its own without Redis, `solo`; talk in /kept on all of
 * them, a viewer of logs, and a Prometheus that watches.
 */
export class MonitoredCluster implements AsyncDisposable {
  readonly redis: RedisServer;
  /** Between node-2 and Redis. */
  readonly proxy: StartedTcpProxy;
  readonly one: Product;
  readonly two: Product;
  /** Takes 40 connections. */
  readonly solo: Product;
  readonly prometheus: Prometheus;
  readonly #parts: readonly AsyncDisposable[];

  private constructor(
    shared: { readonly redis: RedisServer; readonly proxy: StartedTcpProxy },
    [one, two, solo]: readonly [Product, Product, Product],
    prometheus: Prometheus,
    parts: readonly AsyncDisposable[],
  ) {
    this.redis = shared.redis;
    this.proxy = shared.proxy;
    this.one = one;
    this.two = two;
    this.solo = solo;
    this.prometheus = prometheus;
    this.#parts = parts;
  }

  /** @param rules what rules.yml is turned into */
  static async start({ rules }: Pick<StartPrometheusOptions, 'rules'> = {}): Promise<MonitoredCluster> {
    const parts: AsyncDisposable[] = [];
    const keep = <T extends AsyncDisposable>(part: T): T => {
      parts.push(part);
      return part;
    };
    try {
      const redis = keep(await startRedis());
      const proxy = keep(await startTcpProxy(redis.port));
      const nodes = await startAll([
        startNode('node-1', { accept: { connections: 500 }, redis: redisSection(redis.port) }),
        startNode('node-2', { accept: { connections: 500 }, redis: redisSection(proxy.port) }),
        startNode('solo', { accept: { connections: 20 } }),
      ]);
      for (const node of nodes) keep(node);
      const [one, two, solo] = nodes as [Product, Product, Product];
      for (const node of nodes) {
        keep(talk(node));
        keep(new RecoveringChat({ name: 'listener', urls: () => [node.socketUrl('/kept')] }));
      }
      keep(await LogViewClient.open(one.socketUrl('/logs?log=app')));
      keep(await TestClient.open(one.socketUrl('/kept'), [], { perMessageDeflate: true }));
      const operations = { 'node-1': one, 'node-2': two, solo };
      const prometheus = keep(
        await startPrometheus({
          nodes: Object.fromEntries(Object.entries(operations).map(([name, node]) => [name, node.operationsUrl('/')])),
          ...(rules === undefined ? {} : { rules }),
        }),
      );
      return new MonitoredCluster({ redis, proxy }, [one, two, solo], prometheus, parts);
    } catch (error) {
      await stopAll(parts);
      throw error;
    }
  }

  /** Publishes a few long messages in a room, past all nodes: those on Redis get them. */
  async flood(room: string): Promise<void> {
    await Promise.all(Array.from({ length: 8 }, () => this.redis.admin.publish(room, piece)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await stopAll(this.#parts);
  }
}

/** Plain clients in a room that stop reading as soon as they are there. */
export async function enterSlowly(
  node: Product,
  room: string,
  count: number,
): Promise<{ readonly clients: readonly TestClient[] } & AsyncDisposable> {
  const clients = await startAll(Array.from({ length: count }, () => TestClient.open(node.socketUrl(room))));
  for (const { webSocket } of clients) webSocket.pause();
  return { clients, [Symbol.asyncDispose]: () => stopAll(clients) };
}

/** Somebody who says something in /kept all the time, and comes back. */
function talk(node: Product): ChatPublisher {
  return new ChatPublisher({ name: 'talker', urls: () => [node.socketUrl('/kept')], everyMs: 50, retries: true });
}

function startNode(node: string, config: ProductConfig): Promise<Product> {
  return startProduct({ ...rooms, node, ...config }, { 'app.log': 'a line\n' });
}

/** What takes less than 4 s there and back is slow and no fault; what is published meanwhile waits a second at most. */
function redisSection(port: number): ProductConfig {
  return {
    host: '127.0.0.1',
    port,
    detectionMs: 8_000,
    publishQueue: { messages: 1_000, seconds: 1 },
  };
}
