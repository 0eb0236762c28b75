// Socket.IO, WebSocket transport only: with its in-memory adapter, or where it is told a `redisPort` with the one for Redis.
import { createServer } from 'node:http';
import { Redis } from 'ioredis';
import { requirePeer } from '../systems/npm-peers.mjs';

const { deflate, redisPort } = JSON.parse(process.argv[2]);
const { Server } = requirePeer('socket.io');
const http = createServer();
const io = new Server(http, {
  transports: ['websocket'],
  perMessageDeflate: deflate ? { threshold: 256, zlibDeflateOptions: { level: 1 } } : false,
  serveClient: false,
});
if (redisPort !== undefined) {
  const { createAdapter } = requirePeer('@socket.io/redis-adapter');
  io.adapter(createAdapter(new Redis(redisPort), new Redis(redisPort)));
}
io.on('connection', (socket) => {
  let room;
  socket.on('join', async (name) => {
    room = `room/${name}`;
    await socket.join(room);
    socket.emit('joined');
  });
  socket.on('say', (text) => socket.to(room).emit('said', text));
});
http.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () =>
  console.log(JSON.stringify({ port: http.address().port })),
);
