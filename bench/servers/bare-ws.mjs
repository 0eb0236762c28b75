// `ws` and nothing else: what a connection costs before anybody does something with it.
import { WebSocketServer } from 'ws';

const server = new WebSocketServer({ port: 0, host: '127.0.0.1', backlog: 4096, perMessageDeflate: false });
const ignore = () => {};
server.on('connection', (client) => {
  client.on('message', ignore);
  client.on('error', ignore);
});
server.on('listening', () => console.log(JSON.stringify({ port: server.address().port })));
