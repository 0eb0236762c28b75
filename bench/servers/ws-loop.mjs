// The plain `ws` way: a set per room, a loop of `client.send`.
import { WebSocketServer } from 'ws';

const { deflate } = JSON.parse(process.argv[2]);
const rooms = new Map();
const server = new WebSocketServer({
  port: 0,
  host: '127.0.0.1',
  backlog: 4096,
  perMessageDeflate: deflate ? { threshold: 256, zlibDeflateOptions: { level: 1 } } : false,
});
server.on('connection', (client, request) => {
  const room = rooms.get(request.url) ?? new Set();
  rooms.set(request.url, room.add(client));
  client.on('message', (data) => {
    const text = data.toString();
    for (const other of room) if (other !== client && other.readyState === 1) other.send(text);
  });
  client.on('close', () => room.delete(client));
  client.on('error', () => {});
});
server.on('listening', () => console.log(JSON.stringify({ port: server.address().port })));
