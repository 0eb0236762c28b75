// A dashboard feed: a backend pushes figures by HTTP, every open dashboard sees them at once.
//   npm run build && node examples/dashboard-feed.mjs
//   npx wscat -c 'ws://127.0.0.1:8000/?feed=orders'
//   curl -X POST --data '{"open":17}' http://127.0.0.1:8000/orders
// One subscription per feed, named after it; a dashboard gets the last figure on opening, then every new one.
import { createServer } from 'node:http';
import { createGateway } from 'carillon';

const mostBytes = 64 * 1024;
const feeds = new Map([
  ['orders', ''],
  ['visitors', ''],
]);
const gateway = await createGateway();

const server = createServer(async (request, response) => {
  const feed = request.url?.slice(1) ?? '';
  if (!feeds.has(feed)) return response.writeHead(404).end(`Feeds: ${[...feeds.keys()].join(', ')}\n`);
  if (request.method !== 'POST') return response.writeHead(405, { Allow: 'POST' }).end('POST a figure here.\n');
  let figure = '';
  for await (const chunk of request.setEncoding('utf8')) {
    figure += chunk;
    if (figure.length > mostBytes) return response.writeHead(413).end(`At most ${mostBytes} characters.\n`);
  }
  feeds.set(feed, figure);
  await gateway.multicast(`feed:${feed}`, figure);
  response.writeHead(204).end();
});

// Dashboards only listen: one that talks breaks the rules (close code 1008).
const handlers = { onMessage: (connection) => connection.close(1008, 'this feed takes no messages') };

server.on('upgrade', async (request, socket, head) => {
  const feed = new URL(request.url ?? '/', 'http://localhost').searchParams.get('feed') ?? '';
  if (!feeds.has(feed)) return socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
  const connection = gateway.handshake(request, handlers, { head });
  if (connection === undefined) return;
  await gateway.subscribe(connection, `feed:${feed}`);
  const last = feeds.get(feed);
  if (last) gateway.send(connection, last);
});

server.listen(Number(process.env.PORT ?? 8000), '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${server.address().port}`);
});
