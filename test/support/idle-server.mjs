// A server in a process of its own that says what its connections keep of the JavaScript heap. Runs what was built.
// Argument: echo or chat, a worker's public side with that app at "/"; or ws, the bare library.
import { createServer } from 'node:http';
import { createServer as createAcceptor } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { getHeapStatistics } from 'node:v8';
import { WebSocketServer } from 'ws';
import { chatApp } from '../../dist/apps/chat/chat.js';
import { echoApp } from '../../dist/apps/echo/echo.js';
import { HttpListener } from '../../dist/http/listener.js';
import { Router } from '../../dist/http/router.js';
import { createGateway } from '../../dist/index.js';
import { silentLog } from '../../dist/lib/log.js';
import { Severities } from '../../dist/lib/severities.js';

/** Requests of the handshakes so far. */
const requests = [];

const server =
  process.argv[2] === 'ws' ? bareServer() : await gatewayServer(process.argv[2] === 'chat' ? chatApp : echoApp);
server.listen(0, '127.0.0.1', () => process.send({ port: server.address().port }));

async function report() {
  const heapBytes = await settledHeapBytes();
  const requestsKept = requests.filter((request) => request.deref() !== undefined).length;
  process.send({ heapBytes, requestsKept });
}

/** What is left when collections free nothing any more: what one finds unreachable may hold what only the next can free. */
async function settledHeapBytes() {
  let least = Infinity;
  for (let fruitless = 0; fruitless < 5; fruitless++) {
    await nextTurn();
    globalThis.gc();
    const bytes = getHeapStatistics().used_heap_size;
    if (bytes < least) fruitless = 0;
    least = Math.min(least, bytes);
  }
  return least;
}
process.on('message', () => void report());
process.on('disconnect', () => process.exit());

function bareServer() {
  const http = createServer();
  const sockets = new WebSocketServer({ server: http });
  sockets.on('connection', (socket, request) => {
    requests.push(new WeakRef(request));
    socket.on('message', ignore);
  });
  return http;
}

async function gatewayServer(app) {
  // The clients here answer no pings.
  const gateway = await createGateway({ heartbeat: { intervalMs: 0 } });
  const router = new Router();
  const node = { name: 'test-node', worker: 1, severities: new Severities(), ownLogs: {}, takeTurns: ignore };
  await app.mount({ gateway, router: watched(router), log: silentLog, node, page: undefined }, { urls: ['/'] });
  const listener = new HttpListener(
    { headerBytes: 16_384, headersTimeoutMs: 10_000, keepAliveTimeoutMs: 5_000 },
    { router, log: silentLog, access: { write: ignore } },
  );
  return createAcceptor({ allowHalfOpen: true }, (socket) => listener.take(socket));
}

/** The router, for an app whose handshakes are to be remembered. */
function watched(router) {
  return {
    add(path, route) {
      const upgrade = (request, head) => {
        requests.push(new WeakRef(request));
        return route.upgrade(request, head);
      };
      router.add(path, route.upgrade === undefined ? route : { ...route, upgrade });
    },
  };
}

function ignore() {}
