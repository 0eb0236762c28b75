// A room server for the bench suite that swallows every tenth message, once everybody is there.
import { WebSocketServer } from 'ws';

const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
const rooms = new Map();
let heard = 0;
server.on('connection', (client, request) => {
  const room = rooms.get(request.url) ?? new Set();
  rooms.set(request.url, room.add(client));
  client.on('close', () => room.delete(client));
  client.on('message', (data) => {
    // The suite's settling messages are marked with an "s" and come through.
    const isSettling = data.toString().startsWith('~s');
    if (!isSettling && ++heard % 10 === 0) return;
    for (const other of room) if (other !== client) other.send(data.toString());
  });
});
server.on('listening', () => console.log(JSON.stringify({ port: server.address().port })));
