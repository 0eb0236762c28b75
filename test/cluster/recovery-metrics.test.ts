import { expect, it } from 'vitest';
import { ChatClient } from '../support/chat-client.ts';
import { untilGreen } from '../support/node-readiness.ts';
import { startProduct } from '../support/start-product.ts';
import { startRedis } from '../support/start-redis.ts';
import { startTcpProxy } from '../support/start-tcp-proxy.ts';
import { until } from '../support/until.ts';

const config = {
  workers: 1,
  apps: { chat: { urls: ['/kept', '/short', '/loose'] } },
  subscriptions: [
    { pattern: '/kep*', history: { size: 100, ttl: 60 } },
    { pattern: '/short', history: { size: 2, ttl: 60 } },
    { pattern: '/loose', history: false },
  ],
};
const quickly = { detectionMs: 1_000, connectTimeoutMs: 1_000 };

it('/metrics tells by rule what a worker missed: what history gave back, and what it could not', async () => {
  await using redis = await startRedis();
  await using proxy = await startTcpProxy(redis.port);
  await using far = await startProduct({
    ...config,
    node: 'far',
    redis: { url: `redis://127.0.0.1:${proxy.port}`, ...quickly },
  });
  await using near = await startProduct({ ...config, node: 'near', redis: { url: redis.url, ...quickly } });
  const recovered = (rule: string): Promise<number> =>
    far.metric(`carillon_recovered_publications_total{rule="${rule}"}`);
  const gaps = (rule: string, reason: string): Promise<number> =>
    far.metric(`carillon_gaps_total{rule="${rule}",reason="${reason}"}`);
  const enter = (room: string): Promise<ChatClient> => ChatClient.open(far.socketUrl(room));
  await using kept = await enter('/kept');
  await using short = await enter('/short');
  await using loose = await enter('/loose');
  const listeners = [kept, short, loose];

  // The network between the one node and Redis is gone; the other one publishes on.
  const before = proxy.accepted;
  proxy.isOpen = false;
  proxy.reset();
  for (const room of ['/kept', '/short', '/loose']) {
    await using speaker = await ChatClient.open(near.socketUrl(room));
    for (const text of ['1', '2', '3', '4', '5']) {
      speaker.send({ type: 'message', text, ref: text });
      expect((await speaker.nextOf('sent')).ref).toBe(text);
    }
  }
  proxy.isOpen = true;
  await until(() => proxy.accepted > before);
  await untilGreen(far);

  expect(await kept.texts(5)).toEqual(['1', '2', '3', '4', '5']);
  for (const listener of [short, loose]) await listener.nextOf('gap');
  await until(async () => (await gaps('/loose', 'no-history')) > 0 && (await gaps('/short', 'trimmed')) > 0);
  await until(async () => (await recovered('/kep*')) > 0);
  expect(await recovered('/kep*')).toBe(5);
  expect(await recovered('/loose')).toBe(0);
  expect(await gaps('/short', 'trimmed')).toBe(1);
  expect(await gaps('/loose', 'no-history')).toBe(1);
  expect(await gaps('/kep*', 'no-history')).toBe(0);
  expect(await far.metric('carillon_publications_missed_total{rule="/short"}')).toBe(3);
  // Nobody else missed anything.
  expect(await near.metric('carillon_gaps_total{rule="/short",reason="trimmed"}')).toBe(0);
  expect(listeners.every(({ client }) => client.webSocket.readyState === client.webSocket.OPEN)).toBe(true);
});
