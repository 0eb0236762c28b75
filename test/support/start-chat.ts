import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { AppOptions } from '../../src/apps/app-options.ts';
import { ChatRoom } from '../../src/apps/chat/chat-room.ts';
import type { Broker } from '../../src/broker/broker.ts';
import { MemoryBroker } from '../../src/broker/memory/memory-broker.ts';
import { MemoryExchange } from '../../src/broker/memory/memory-exchange.ts';
import type { Gateway } from '../../src/gateway/gateway.ts';
import type { SubscriptionRule } from '../../src/gateway/subscription-rules.ts';
import { Router } from '../../src/http/router.ts';
import { createGateway } from '../../src/index.ts';
import { silentLog, type Log } from '../../src/lib/log.ts';
import { Severities } from '../../src/lib/severities.ts';

export interface ChatWorker {
  readonly gateway: Gateway;
  /** Where its rooms are reached, without the room's path. */
  readonly origin: string;
}

export interface StartedChat extends AsyncDisposable {
  readonly workers: readonly [ChatWorker, ChatWorker];
}

/**
 * Chat rooms on two gateways of one process that share a broker's exchange, as two workers do; without pages, origins
 * and authentication, which the server puts in front of every app.
 * @param makeBroker stands between a gateway and the exchange
 * @param subscriptions rules; without any the rooms have no history
 * @param log of the rooms
 */
export async function startChat(
  options: AppOptions = { urls: ['/chat'] },
  makeBroker: (exchange: MemoryExchange) => Broker = (exchange) => new MemoryBroker(exchange),
  subscriptions: readonly SubscriptionRule[] = [],
  log: Log = silentLog,
): Promise<StartedChat> {
  const exchange = new MemoryExchange();
  const first = await startWorker(1, options, makeBroker(exchange), subscriptions, log);
  const second = await startWorker(2, options, makeBroker(exchange), subscriptions, log);
  return {
    workers: [first, second],
    async [Symbol.asyncDispose]() {
      await first.stop();
      await second.stop();
    },
  };
}

async function startWorker(
  worker: number,
  options: AppOptions,
  broker: Broker,
  subscriptions: readonly SubscriptionRule[],
  log: Log,
): Promise<ChatWorker & { stop(): Promise<void> }> {
  const gateway = await createGateway({ broker, closeTimeoutMs: 1_000, subscriptions });
  const node = { name: 'test-node', worker, severities: new Severities(), ownLogs: {}, takeTurns: () => {} };
  const context = { gateway, router: new Router(), log, node, page: undefined };
  const rooms = new Map(options.urls.map((url) => [url, new ChatRoom(context, url, options)]));
  const server = createServer((_request, response) => response.writeHead(426).end());
  server.on('upgrade', (request, socket, head) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost');
    const room = rooms.get(pathname);
    if (room === undefined) socket.destroy();
    else room.accept(request, { head, query: searchParams });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    gateway,
    origin: `ws://127.0.0.1:${port}`,
    async stop() {
      await gateway.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
