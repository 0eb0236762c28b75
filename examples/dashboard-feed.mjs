// A dashboard feed: a backend pushes figures by HTTP, every open dashboard sees them at once.
//   npm run build && node examples/dashboard-feed.mjs
//   npx wscat -c ws://127.0.0.1:8000/orders
//   curl -X POST --data '{"open":17}' http://127.0.0.1:8000/orders
// One subscription per feed, named after it; a dashboard gets the last figure on opening, then every new one.
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { createGateway } from 'carillon';

const mostBytes = 64 * 1024;
const figures = new Map([
  ['/orders', ''],
  ['/visitors', ''],
]);
const gateway = await createGateway();

async function answer(request) {
  if (!figures.has(request.url)) return [404, `Feeds: ${[...figures.keys()].join(', ')}\n`];
  if (request.method !== 'POST') return [405, 'POST a figure here.\n'];
  if (!(Number(request.headers['content-length']) <= mostBytes))
    return [413, `At most ${mostBytes} bytes, with a length.\n`];
  const figure = await text(request);
  figures.set(request.url, figure);
  await gateway.multicast(request.url, figure);
  return [204, ''];
}

const server = createServer((request, response) => {
  answer(request).then(
    ([status, body]) => response.writeHead(status).end(body),
    () => response.destroy(), // the backend went away in mid-sentence
  );
});

// Dashboards only listen: one that talks breaks the rules (close code 1008).
const handlers = { onMessage: (connection) => connection.close(1008, 'this feed takes no messages') };

server.on('upgrade', async (request, socket, head) => {
  if (!figures.has(request.url)) return socket.destroy();
  const connection = gateway.handshake(request, handlers, { head });
  if (connection === undefined || !(await gateway.subscribe(connection, request.url))) return;
  const last = figures.get(request.url);
  if (last) gateway.send(connection, last);
});

server.listen(Number(process.env.PORT ?? 8000), '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${server.address().port}`);
});
