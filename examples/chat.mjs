// A chat in twenty lines: everybody hears what everybody else says.
//   npm run build && node examples/chat.mjs    then, twice:  npx wscat -c ws://127.0.0.1:8000
import { createServer } from 'node:http';
import { createGateway } from 'carillon';

const gateway = await createGateway();
const handlers = {
  onMessage: (connection, data) =>
    gateway.multicast('chat', `${connection.address}: ${data}`, { exclude: [connection] }),
  onClose: (connection) => gateway.multicast('chat', `${connection.address} left`),
};
const server = createServer((_request, response) =>
  response.writeHead(426, { Upgrade: 'websocket' }).end('This is a WebSocket.\n'),
);
server.on('upgrade', async (request, _socket, head) => {
  const connection = gateway.handshake(request, handlers, { head });
  if (connection === undefined || !(await gateway.subscribe(connection, 'chat'))) return;
  gateway.send(connection, 'Welcome!');
});
server.listen(Number(process.env.PORT ?? 8000), '127.0.0.1', () => {
  console.log(`ws://127.0.0.1:${server.address().port}`);
});
