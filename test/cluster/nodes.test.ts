import { describe, expect, it } from 'vitest';
import type { NodeFacts } from '../../src/gateway/cluster/node-facts.ts';
import { hashPassword } from '../../src/auth/password-hash.ts';
import { ChatClient } from '../support/chat-client.ts';
import { startMember } from '../support/start-member.ts';
import { startNodes } from '../support/start-nodes.ts';
import { startProduct, type Product } from '../support/start-product.ts';
import { startRedis } from '../support/start-redis.ts';
import { TestClient } from '../support/test-client.ts';
import { until } from '../support/until.ts';

/** The shortest time there is: for tests that wait until somebody is not believed any more. */
const presenceTtl = 5;

async function nodesOf(product: Product): Promise<readonly NodeFacts[]> {
  const response = await fetch(product.operationsUrl('/nodes'));
  if (response.status !== 200) return [];
  const { nodes } = (await response.json()) as { readonly nodes: readonly NodeFacts[] };
  return nodes;
}

function namesOf(nodes: readonly NodeFacts[]): string {
  return nodes.map(({ name, workers }) => `${name}:${workers.map(({ worker }) => worker).join(',')}`).join(' ');
}

describe('nodes on one Redis', () => {
  it('see each other come and go, without being told of in any configuration', async () => {
    await using redis = await startRedis();
    await using nodes = await startNodes(redis, { redis: { presenceTtl } });
    const [one, two] = [nodes.node(1), nodes.node(2)];
    await using member = await startMember(redis, 'embedded', { presenceTtl });
    const see = (expected: string): Promise<unknown> =>
      until(async () => namesOf(await member.gateway.nodes()) === expected, { deadlineMs: 60_000, what: expected });
    await see('embedded:0 node-1:1,2 node-2:1,2');

    const [, first] = await member.gateway.nodes();
    const pids = await one.workerPids();
    expect(first).toMatchObject({ name: 'node-1', operations: new URL(one.operationsUrl('/')).origin });
    expect(first?.workers.map(({ worker, pid }) => [worker, pid])).toEqual([...pids]);
    expect(first?.workers[0]).toMatchObject({
      version: expect.stringMatching(/^\d+\.\d+\.\d+/),
      severities: { error: true, debug: false },
    });

    await using three = await startProduct({ node: 'node-3', workers: 0, redis: { url: redis.url, presenceTtl } });
    await see('embedded:0 node-1:1,2 node-2:1,2 node-3:0');
    await until(async () => namesOf(await nodesOf(two)).endsWith('node-3:0'), { deadlineMs: 20_000 });

    // In order: its members are gone when it is.
    await three.stop();
    expect(namesOf(await member.gateway.nodes())).toBe('embedded:0 node-1:1,2 node-2:1,2');

    // A worker that was killed is in the list until it has a successor.
    process.kill(pids.get(1) ?? 0, 'SIGKILL');
    await until(async () => (await one.readiness()).workers[0]?.restarts === 1);
    await until(async () => (await member.gateway.nodes())[1]?.workers[0]?.pid !== pids.get(1));
    expect(namesOf(await member.gateway.nodes())).toBe('embedded:0 node-1:1,2 node-2:1,2');

    // The whole node dies at once, with nobody left to say goodbye.
    const left = [...(await two.workerPids()).values()];
    for (const pid of [two.pid, ...left]) process.kill(pid, 'SIGKILL');
    await see('embedded:0 node-1:1,2');
  });

  it('count connections and subscriptions by worker', async () => {
    await using redis = await startRedis();
    await using nodes = await startNodes(redis, { nodes: 1, config: { workers: 0 } });
    await using _ = await TestClient.open(nodes.node(1).socketUrl('/chat'));
    await using member = await startMember(redis, 'embedded');
    const worker = await until(
      async () => (await member.gateway.nodes()).find(({ name }) => name === 'node-1')?.workers[0],
    );
    expect(worker.worker).toBe(0);
    await until(
      async () => {
        const [, node] = await member.gateway.nodes();
        return node?.workers[0]?.connections === 1 && node.workers[0].subscriptions === 1;
      },
      { deadlineMs: 20_000 },
    );
  });

  it('are told when their name is taken', async () => {
    await using redis = await startRedis();
    const config = { node: 'twin', workers: 1 };
    await using nodes = await startNodes(redis, { config });
    const warning = '"msg":"another node is called \\"twin\\" too, on ';
    for (const product of nodes.products)
      await until(async () => (await product.logged()).includes(warning), { deadlineMs: 30_000 });
    expect((await nodesOf(nodes.node(1))).map(({ name }) => name)).toEqual(['twin', 'twin']);
  });

  it('are two clusters where their prefixes differ', async () => {
    await using redis = await startRedis();
    const config = { workers: 1 };
    await using ours = await startNodes(redis, { config });
    await using theirs = await startNodes(redis, {
      nodes: 1,
      config: { ...config, node: 'their-node' },
      redis: { channelPrefix: 'their:', keyPrefix: 'their:' },
    });
    await until(async () => namesOf(await nodesOf(ours.node(1))) === 'node-1:1 node-2:1', { deadlineMs: 20_000 });
    await until(async () => namesOf(await nodesOf(theirs.node(1))) === 'their-node:1', { deadlineMs: 20_000 });

    const open = (product: Product): Promise<ChatClient> => ChatClient.open(product.socketUrl('/chat'));
    await using here = await open(ours.node(1));
    await using sender = await open(ours.node(2));
    await using there = await open(theirs.node(1));
    await using theirSender = await open(theirs.node(1));
    sender.send({ type: 'message', text: 'to ours' });
    expect((await here.nextOf('message')).text).toBe('to ours');
    theirSender.send({ type: 'message', text: 'to theirs' });
    // Behind what was said to ours, had that come.
    expect((await there.nextOf('message')).text).toBe('to theirs');
    theirSender.send({ type: 'message', text: 'to nobody else' });
    expect((await there.nextOf('message')).text).toBe('to nobody else');
    sender.send({ type: 'message', text: 'to ours again' });
    expect((await here.nextOf('message')).text).toBe('to ours again');

    // Nor do orders of one reach the other.
    await using member = await startMember(redis, 'embedded', { channelPrefix: 'their:', keyPrefix: 'their:' });
    await member.gateway.setSeverities({ debug: true });
    await until(async () => (await nodesOf(theirs.node(1))).every(isDebugging), { deadlineMs: 20_000 });
    expect((await nodesOf(ours.node(1))).some(isDebugging)).toBe(false);
  });
});

function isDebugging({ workers }: NodeFacts): boolean {
  return workers.every(({ severities }) => severities.debug);
}

describe('an order to the cluster', () => {
  it('switches severities on every worker of every node, or of one', async () => {
    await using redis = await startRedis();
    await using nodes = await startNodes(redis);
    await using member = await startMember(redis, 'embedded');
    const debugging = async (): Promise<string> =>
      (await member.gateway.nodes()).flatMap((node) => (isDebugging(node) ? [node.name] : [])).join(' ');

    await member.gateway.setSeverities({ debug: true });
    await until(async () => (await debugging()) === 'embedded node-1 node-2', { deadlineMs: 20_000 });
    await member.gateway.setSeverities({ debug: false }, 'node-2');
    await until(async () => (await debugging()) === 'embedded node-1', { deadlineMs: 20_000 });
    // Who starts later on that node does as the others.
    process.kill((await nodes.node(1).workerPids()).get(2) ?? 0, 'SIGKILL');
    await until(async () => (await nodes.node(1).readiness()).workers[1]?.restarts === 1);
    await until(async () => (await nodes.node(1).readiness()).reasons.length === 0);
    await until(async () => (await debugging()) === 'embedded node-1', { deadlineMs: 60_000 });

    await expect(member.gateway.setSeverities({ debug: true }, 'node-4')).rejects.toThrow(
      'there is no node "node-4" in the cluster; there are embedded, node-1, node-2',
    );
  });

  it('ends a connection or all of a user, wherever they are', async () => {
    await using redis = await startRedis();
    const users = { ada: await hashPassword('secret'), bob: await hashPassword('secret') };
    const chat = { urls: ['/chat'], auth: { type: 'basic', users } };
    await using nodes = await startNodes(redis, { config: { apps: { chat } } });
    await using member = await startMember(redis, 'embedded');
    const open = (number: number, user: string): Promise<TestClient> =>
      TestClient.open(nodes.node(number).socketUrl('/chat'), [], { headers: { authorization: basic(user) } });
    await using ada = await open(1, 'ada');
    await using adaToo = await open(2, 'ada');
    await using bob = await open(2, 'bob');

    await member.gateway.disconnect({ user: 'ada' }, { reason: 'until tomorrow' });
    for (const client of [ada, adaToo]) expect(await client.closed).toEqual({ code: 4500, reason: 'until tomorrow' });
    expect(bob.webSocket.readyState).toBe(bob.webSocket.OPEN);

    const { members } = await until(async () => {
      const page = await member.gateway.presence('/chat', 10);
      return page.members.length === 1 && page;
    });
    const [{ connectionId } = { connectionId: '' }] = members;
    await member.gateway.disconnect({ connection: connectionId }, { code: 1008, reason: 'for good' });
    expect(await bob.closed).toEqual({ code: 1008, reason: 'for good' });
  });

  it('that nobody understands is logged and ignored', async () => {
    await using redis = await startRedis();
    await using nodes = await startNodes(redis, { nodes: 1, config: { workers: 1 } });
    const send = (type: string, body: unknown): Promise<unknown> =>
      redis.admin.publish('carillon:control', JSON.stringify({ type, body: JSON.stringify(body) }));
    await send('severities', { change: { trace: true } });
    await until(async () =>
      (await nodes.node(1).logged()).includes('a control message \\"severities\\" was ignored: '),
    );
    await redis.admin.publish('carillon:control', 'no JSON');
    await redis.admin.publish('carillon:control', Buffer.from([0xff, 1, 2]));
    await send('severities', { change: { debug: true } });
    await until(async () => (await nodesOf(nodes.node(1))).every(isDebugging), { deadlineMs: 20_000 });
    expect((await nodes.node(1).readiness()).workers[0]?.restarts).toBe(0);
  });
});

function basic(user: string): string {
  return `Basic ${Buffer.from(`${user}:secret`).toString('base64')}`;
}
