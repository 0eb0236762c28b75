import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { ChatClient } from '../support/chat-client.ts';
import { freePort } from '../support/free-port.ts';
import { startNodes } from '../support/start-nodes.ts';
import { Product } from '../support/start-product.ts';
import { startRedis, type RedisServer } from '../support/start-redis.ts';
import { TestClient } from '../support/test-client.ts';
import { until } from '../support/until.ts';

describe('a node with Redis in its configuration', () => {
  it.each([0, 2])('does not start without it, and says which and why: %i workers', async (workers) => {
    const port = await freePort();
    await using product = await Product.spawn({ workers, redis: { url: `redis://:secret@127.0.0.1:${port}` } });
    expect(await product.exited).toEqual({ code: 1, signal: null });
    expect(product.stderr).toMatch(
      new RegExp(`^carillon: [^\\n]*Redis 127\\.0\\.0\\.1:${port} is unreachable: connect ECONNREFUSED [^\\n]*\\n$`),
    );
    expect(product.stdout).toBe('');
    expect(product.stderr + (await product.logged())).not.toContain('secret');
  });

  it('does not start where it is not let in, and says who was refused', async () => {
    await using redis = await startRedis({ args: ['--requirepass', 'the right one'] });
    const url = `redis://127.0.0.1:${redis.port}`;
    await using product = await Product.spawn({ redis: { url, password: 'the wrong one' } });
    expect(await product.exited).toEqual({ code: 1, signal: null });
    expect(product.stderr).toContain(`Redis 127.0.0.1:${redis.port} refuses user "default": WRONGPASS`);
    expect(product.stderr).not.toContain('the wrong one');
  });

  it('says where its publications go, without the password', async () => {
    await using redis = await startRedis({ args: ['--requirepass', 'secret'] });
    await using nodes = await startNodes({ url: `redis://:secret@127.0.0.1:${redis.port}` }, { nodes: 1 });
    const product = nodes.node(1);
    expect(product.stdout).toContain(`\n  broker     Redis at 127.0.0.1:${redis.port}\n`);
    expect(product.stdout).not.toContain('secret');
    expect(product.stderr).toBe('');
  });

  it('tells of Redis in its metrics, those of its workers together, and of no embedded broker', async () => {
    await using redis = await startRedis();
    await using nodes = await startNodes(redis, { nodes: 1, redis: { detectionMs: 500 } });
    const product = nodes.node(1);
    await until(async () => (await product.metric('carillon_redis_servers{state="up"}')) === 2);
    await until(async () => (await product.metric('carillon_redis_probe_seconds_bucket{le="+Inf"}')) > 4);
    const [first, second] = await Promise.all(
      [1, 2].map((worker) =>
        product.metric(`carillon_redis_probe_seconds_count{worker="${worker}"}`, '/metrics/workers'),
      ),
    );
    expect([first, second]).not.toContain(0);
    expect(await (await fetch(product.operationsUrl('/metrics'))).text()).not.toContain('carillon_ipc_');
  });

  it('replaces a worker that dies while Redis is away as soon as it is back; the others serve all the time', async () => {
    await using redis = await startRedis();
    await using nodes = await startNodes(redis, { nodes: 1, redis: { detectionMs: 500, connectTimeoutMs: 500 } });
    const product = nodes.node(1);
    const pids = await product.workerPids();
    await redis.stop();
    process.kill(pids.get(1) ?? 0, 'SIGKILL');
    await until(async () => (await product.logged()).includes('"event":"worker-failed"'), { deadlineMs: 20_000 });
    expect(await product.logged()).toContain(`Redis 127.0.0.1:${redis.port} is unreachable`);
    // Echo needs no broker: the worker that is there goes on.
    await using client = await TestClient.open(product.socketUrl('/echo'));
    client.send('still here');
    expect(await client.next()).toBe('still here');
    await redis.restart();
    await until(async () => (await product.readiness()).reasons.length === 0, { deadlineMs: 40_000 });
    expect((await product.workerPids()).get(2)).toBe(pids.get(2));
    client.send('still there');
    expect(await client.next()).toBe('still there');
  });

  it('needs no more of Redis than docs/clustering.md asks for', async () => {
    await using redis = await startRedis();
    await createDocumentedUser(redis);
    const history = { pattern: '/chat', history: { size: 10, ttl: 60 } };
    await using nodes = await startNodes(redis, {
      config: { subscriptions: [history], workers: 1 },
      redis: { username: 'carillon', password: 'password', detectionMs: 500 },
    });
    await using one = await ChatClient.open(nodes.node(1).socketUrl('/chat'));
    const other = await ChatClient.open(nodes.node(2).socketUrl('/chat'));
    one.send({ type: 'message', text: 'hello' });
    expect((await other.nextOf('message')).text).toBe('hello');
    await other[Symbol.asyncDispose]();
    await one.nextOf('leave');
    await until(async () => (await nodes.node(1).metric('carillon_redis_probe_seconds_count')) > 4);
    for (const product of nodes.products) {
      expect((await product.readiness()).reasons).toEqual([]);
      expect(await product.logged()).not.toContain('NOPERM');
    }
    expect(await redis.admin.call('ACL', 'LOG')).toEqual([]);
  });
});

async function createDocumentedUser({ admin }: RedisServer): Promise<void> {
  const docs = await readFile(new URL('../../docs/clustering.md', import.meta.url), 'utf8');
  const [, words = ''] = /^ACL SETUSER (.*)$/m.exec(docs) ?? [];
  await admin.call('ACL', 'SETUSER', ...words.split(' '));
}
