import { readFile } from 'node:fs/promises';
import { Agent } from 'node:https';
import { describe, expect, it } from 'vitest';
import { chatSubprotocol, type ServerMessage } from '../../src/apps/chat/chat-protocol.ts';
import { open } from '../../src/client/open.ts';
import { ChatClient } from '../support/chat-client.ts';
import { httpGet, tryHandshake } from '../support/http-get.ts';
import { untilRed } from '../support/node-readiness.ts';
import { selfSignedCertificate } from '../support/self-signed-certificate.ts';
import { startAll, stopAll } from '../support/start-all.ts';
import { startHaproxy, startNginx, type Balancer } from '../support/start-balancer.ts';
import { startProduct, type Product, type ProductConfig } from '../support/start-product.ts';
import { startRedis, type RedisServer } from '../support/start-redis.ts';
import { TestClient } from '../support/test-client.ts';
import { until } from '../support/until.ts';

/** Two nodes, each of one process, so that to kill it is to kill the node. Leaving the scope stops them. */
class Pair implements AsyncDisposable {
  readonly nodes: readonly [Product, Product];

  private constructor(nodes: readonly [Product, Product]) {
    this.nodes = nodes;
  }

  /** @param configs of each node, beyond what they share */
  static async start(
    { url }: RedisServer,
    configs: readonly [ProductConfig, ProductConfig] | ProductConfig = {},
  ): Promise<Pair> {
    const [first, second] = Array.isArray(configs) ? configs : [configs, configs];
    const shared = { workers: 0, redis: { url } };
    const [one, two] = await startAll([
      startProduct({ ...shared, node: 'node-1', ...first }),
      startProduct({ ...shared, node: 'node-2', ...second }),
    ]);
    if (one === undefined || two === undefined) throw new Error('two starts gave less than two nodes');
    return new Pair([one, two]);
  }

  /** Connections of each node, as it knows them now. */
  async connections(): Promise<readonly number[]> {
    return await Promise.all(
      this.nodes.map(async (node) =>
        (await node.readiness()).workers.reduce((sum, { connections }) => sum + connections, 0),
      ),
    );
  }

  async untilConnections(...expected: readonly number[]): Promise<void> {
    let seen: readonly number[] = [];
    await until(
      async () => {
        seen = await this.connections();
        return seen.join() === expected.join();
      },
      { deadlineMs: 20_000 },
    ).catch(() => {
      throw new Error(`the nodes were to have ${expected.join(' and ')} connections, and have ${seen.join(' and ')}`);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await stopAll(this.nodes);
  }
}

/** Clients of one room. Leaving the scope ends their connections. */
class Clients<T extends AsyncDisposable> implements AsyncDisposable {
  readonly all: readonly T[];

  private constructor(all: readonly T[]) {
    this.all = all;
  }

  /** One after the other, so that the balancer knows how many connections each node has. */
  static async open<T extends AsyncDisposable>(count: number, one: (index: number) => Promise<T>): Promise<Clients<T>> {
    const all: T[] = [];
    for (let index = 0; index < count; index++) all.push(await one(index));
    return new Clients(all);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await stopAll(this.all);
  }
}

/** A second client is refused with 503. */
const oneClient = { accept: { connections: 1 } };

const balancers = [
  { name: 'HAProxy', start: startHaproxy },
  { name: 'nginx', start: startNginx },
];

describe.each(balancers)('two nodes behind $name', ({ name, start }) => {
  it('get as many clients each, who chat with one another', async () => {
    await using redis = await startRedis();
    await using pair = await Pair.start(redis);
    await using balancer = await start(pair.nodes);
    await using clients = await Clients.open(4, (index) =>
      ChatClient.open(balancer.socketUrl('/chat'), `nick-${index}`),
    );
    await pair.untilConnections(2, 2);
    for (const [index, speaker] of clients.all.entries()) {
      const text = `said by ${index}`;
      speaker.send({ type: 'message', text });
      for (const listener of clients.all.filter((client) => client !== speaker))
        expect((await listener.nextOf('message')).text).toBe(text);
    }
    // The page comes the same way.
    const page = await httpGet(balancer.url('/chat'), { Accept: 'text/html' });
    expect(page).toMatchObject({ status: 200, headers: { 'content-type': expect.stringContaining('text/html') } });
  });

  it('know the address of a client, whatever it says about itself', async () => {
    await using redis = await startRedis();
    await using pair = await Pair.start(redis, { accept: { trustedProxies: ['127.0.0.1'] } });
    await using balancer = await start(pair.nodes);
    const forged = { 'X-Forwarded-For': '192.0.2.1', 'X-Real-IP': '192.0.2.2', Forwarded: 'for=192.0.2.3' };
    await using client = await TestClient.open(balancer.socketUrl('/chat'), [chatSubprotocol], {
      localAddress: '127.0.0.2',
      headers: forged,
    });
    let message: ServerMessage;
    do message = JSON.parse(String(await client.next())) as ServerMessage;
    while (message.type !== 'welcome');
    expect(message.address).toBe('127.0.0.2');
  });

  it('take over the clients of one another when one is killed', async () => {
    await using redis = await startRedis();
    await using pair = await Pair.start(redis);
    await using balancer = await start(pair.nodes);
    const opening = Array.from({ length: 4 }, () =>
      open(balancer.socketUrl('/chat'), { reconnect: { baseMs: 100, capMs: 1_000 } }),
    );
    const clients = await Promise.all(opening);
    await using _ = {
      [Symbol.asyncDispose]: () => Promise.all(clients.map((client) => client.close())).then(() => {}),
    };
    await until(async () => (await pair.connections()).every((count) => count > 0));

    const [one, two] = pair.nodes;
    one.signal('SIGKILL');
    await one.exited;
    await until(async () => (await two.readiness()).workers[0]?.connections === 4, { deadlineMs: 30_000 });
    await until(() => clients.every(({ state }) => state === 'open'));
    const [speaker, ...listeners] = clients;
    speaker?.send('still here');
    for (const listener of listeners) expect(await listener.receive()).toContain('still here');
  });

  it('hand their clients over when one drains, and nobody is refused meanwhile', async () => {
    await using redis = await startRedis();
    await using pair = await Pair.start(redis, { drain: { delay: 0, period: 2 } });
    await using balancer = await start(pair.nodes);
    const opening = Array.from({ length: 6 }, () => open(balancer.socketUrl('/chat'), { reconnect: true }));
    const clients = await Promise.all(opening);
    await using _ = {
      [Symbol.asyncDispose]: () => Promise.all(clients.map((client) => client.close())).then(() => {}),
    };
    await until(async () => (await pair.connections()).every((count) => count > 0));

    const [one, two] = pair.nodes;
    let hasEnded = false;
    void one.exited.then(() => (hasEnded = true));
    one.signal('SIGTERM');
    // Rejects when it is refused, by whomever.
    while (!hasEnded) await (await TestClient.open(balancer.socketUrl('/echo')))[Symbol.asyncDispose]();
    await until(async () => (await two.readiness()).workers[0]?.connections === 6, { deadlineMs: 30_000 });
    await until(() => clients.every(({ state }) => state === 'open'), { deadlineMs: 30_000 });
  });

  it('take a handshake each that the other refuses with 503', async () => {
    await using redis = await startRedis();
    await using pair = await Pair.start(redis, [oneClient, {}]);
    await using balancer = await start(pair.nodes);
    await using first = await Clients.open(2, () => TestClient.open(balancer.socketUrl('/chat')));
    await pair.untilConnections(1, 1);
    // One client more on the second node each time, so the next turn is the first node's.
    await using more = await Clients.open(4, () => TestClient.open(balancer.socketUrl('/chat')));
    await pair.untilConnections(1, 5);
    expect([...first.all, ...more.all].every(({ webSocket }) => webSocket.readyState === webSocket.OPEN)).toBe(true);
    const log = pair.nodes[0].folder.file('logs/access.log');
    // Not by luck: it was asked, and refused.
    await until(async () => (await readFile(log, 'utf8')).includes('HTTP/1.1" 503 '));
  });

  it('are told of, where both refuse, by their own answer', async () => {
    await using redis = await startRedis();
    await using pair = await Pair.start(redis, oneClient);
    await using balancer = await start(pair.nodes);
    await using _ = await Clients.open(2, () => TestClient.open(balancer.socketUrl('/chat')));
    const refused = await tryHandshake(balancer.url('/chat'));
    expect(refused.status).toBe(503);
    expect(Number(refused.headers['retry-after'])).toBeGreaterThanOrEqual(1);
  });

  it('have an answer made for them when neither is there', async () => {
    await using redis = await startRedis();
    await using pair = await Pair.start(redis);
    await using balancer = await start(pair.nodes);
    await Promise.all(pair.nodes.map((node) => node.stop()));
    const answer = await tryHandshake(balancer.url('/chat'));
    expect(answer).toMatchObject({ status: 503, body: 'No gateway is ready.\n' });
    expect(Number(answer.headers['retry-after'])).toBeGreaterThanOrEqual(1);
  });

  it('keep a client that is silent, as long as they ping it', async () => {
    const silenceSeconds = 5;
    await using redis = await startRedis();
    await using pair = await Pair.start(redis, [
      { heartbeat: { intervalMs: 1_000 } },
      { heartbeat: { intervalMs: 0 } },
    ]);
    // HAProxy has a timeout of its own for requests; nginx' is the same for both.
    await using balancer = await start(pair.nodes, { httpTimeoutSeconds: 1, silenceSeconds });
    await using clients = await Clients.open(2, () => TestClient.open(balancer.socketUrl('/chat')));
    let pings = 0;
    for (const { webSocket } of clients.all) webSocket.on('ping', () => pings++);
    // The other node's client shows that the timeout is in force.
    const ended = await Promise.race(clients.all.map(async (client) => await client.closed.then(() => client)));
    await until(() => pings > 2 * silenceSeconds, { deadlineMs: 30_000 });
    const stays = clients.all.find((client) => client !== ended);
    expect(stays?.webSocket.readyState).toBe(stays?.webSocket.OPEN);
    await pair.untilConnections(1, 0);
  });

  it('are reached by TLS, and only so, where there is a certificate', async () => {
    const certificate = await selfSignedCertificate();
    await using redis = await startRedis();
    await using pair = await Pair.start(redis);
    await using balancer = await start(pair.nodes, { certificate });
    const moved = await httpGet(balancer.url('/chat'));
    expect(moved.status).toBe(301);
    expect(moved.headers.location).toMatch(/^https:\/\/127\.0\.0\.1.*\/chat$/);
    const agent = new Agent({ ca: certificate.cert });
    await using secure = await TestClient.open(`wss://localhost:${balancer.tlsPort}/echo`, [], { agent });
    secure.send('in secret');
    expect(await secure.next()).toBe('in secret');
    agent.destroy();
  });

  it('have only so many connections of one address as the balancer is told', async () => {
    await using redis = await startRedis();
    await using pair = await Pair.start(redis);
    await using balancer = await start(pair.nodes, { perAddress: 3 });
    const from = (localAddress: string): Promise<TestClient> =>
      TestClient.open(balancer.socketUrl('/chat'), [], { localAddress });
    await using _ = await Clients.open(3, () => from('127.0.0.2'));
    // HAProxy does not even read what it says, nginx answers 429.
    await expect(from('127.0.0.2')).rejects.toThrow(name === 'nginx' ? '429' : /hang up|ECONNRESET/);
    await using other = await from('127.0.0.3');
    expect(other.webSocket.readyState).toBe(other.webSocket.OPEN);
  });
});

describe('HAProxy', () => {
  it('gives no client to a node that is not ready, and leaves it those it has', async () => {
    const password = 'to one node';
    await using redis = await startRedis();
    await redis.admin.call('ACL', 'SETUSER', 'one', 'on', `>${password}`, '~*', '&*', '+@all');
    await using pair = await Pair.start(redis, [{ redis: { url: redis.url, username: 'one', password } }, {}]);
    await using balancer = await startHaproxy(pair.nodes);
    await using first = await Clients.open(4, () => TestClient.open(balancer.socketUrl('/echo')));
    await pair.untilConnections(2, 2);

    await redis.admin.call('ACL', 'DELUSER', 'one');
    await untilRed(pair.nodes[0], 'refuses user "one"');
    await until(async () => (await statuses(balancer)).join() === 'DOWN,UP', { deadlineMs: 20_000 });
    await using later = await Clients.open(4, () => TestClient.open(balancer.socketUrl('/echo')));
    await pair.untilConnections(2, 6);
    for (const [index, client] of [...first.all, ...later.all].entries()) {
      client.send(`from ${index}`);
      expect(await client.next()).toBe(`from ${index}`);
    }
  });

  it('tells Prometheus of its servers', async () => {
    await using redis = await startRedis();
    await using pair = await Pair.start(redis);
    await using balancer = await startHaproxy(pair.nodes);
    const { body } = await httpGet(`http://127.0.0.1:${balancer.statsPort}/metrics`);
    expect(body).toContain('haproxy_server_status{proxy="gateways",server="gateway-2",state="UP"} 1');
  });
});

/** What HAProxy thinks of the two servers: `UP`, `DOWN`, or on the way `UP 1/2` and the like. */
async function statuses(balancer: Balancer): Promise<readonly string[]> {
  const { body } = await httpGet(`http://127.0.0.1:${balancer.statsPort}/;csv`);
  const [header = '', ...lines] = body.replace(/^# /, '').trim().split('\n');
  const column = header.split(',').indexOf('status');
  return lines.filter((line) => line.startsWith('gateways,gateway-')).map((line) => line.split(',')[column] ?? '');
}
