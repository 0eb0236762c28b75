// Socket.IO with its in-memory adapter, WebSocket transport only.
import { createServer } from 'node:http';
import { createRequire } from 'node:module';

const { Server } = createRequire(new URL('../peers/', import.meta.url))('socket.io');
const http = createServer();
const io = new Server(http, { transports: ['websocket'], perMessageDeflate: false, serveClient: false });
io.on('connection', (socket) => {
  let room;
  socket.on('join', (name) => {
    room = `room/${name}`;
    void socket.join(room);
    socket.emit('joined');
  });
  socket.on('say', (text) => socket.to(room).emit('said', text));
});
http.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ port: http.address().port })));
