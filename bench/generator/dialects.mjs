// How the systems under test are spoken to. A client's role is `subscriber`, `publisher` or `both`; a message without a
// publisher's stamp in it goes to `control`. Where `echoes` is set, a publisher is sent its own messages too.
import { clientFrame, opcodes } from './frames.mjs';
import { NatsStream } from './nats-stream.mjs';

/** Rooms are URLs, a message is the text: Carillon's chat, plain `ws` servers, and whatever `--external` brings. */
const text = {
  path: (room) => `/room/${room}`,
  opened: (client) => client.ready(),
  publication: (_, data) => clientFrame(opcodes.text, Buffer.from(data)),
  control() {},
};

export const dialects = {
  text,

  /** No rooms: a connection and nothing else. */
  echo: { ...text, path: () => '/echo' },

  /** Locations of the configuration in ../systems/nchan.mjs. */
  nchan: {
    ...text,
    path: (room, role) => `/${{ subscriber: 'room', publisher: 'publish', both: 'both' }[role]}/${room}`,
    echoes: true,
  },

  /** Socket.IO 4: Engine.IO 4 in WebSocket frames; https://socket.io/docs/v4/socket-io-protocol/ */
  socketIo: {
    path: () => '/socket.io/?EIO=4&transport=websocket',
    opened() {},
    publication: (_, data) => clientFrame(opcodes.text, Buffer.from(`42${JSON.stringify(['say', data])}`)),
    control(client, message) {
      if (message.startsWith('0')) client.say('40');
      else if (message.startsWith('40')) client.say(`42["join",${client.room}]`);
      else if (message.startsWith('42["joined"')) client.ready();
      else if (message === '2') client.say('3');
    },
  },

  nats: {
    path: () => '/',
    stream: () => new NatsStream(),
    opened(client) {
      const connect = { verbose: false, pedantic: false, echo: false, headers: false, no_responders: false };
      const subscribe = client.role === 'publisher' ? '' : `SUB room.${client.room} 1\r\n`;
      client.say(`CONNECT ${JSON.stringify(connect)}\r\n${subscribe}PING\r\n`, opcodes.binary);
    },
    publication(client, data) {
      const payload = `PUB room.${client.room} ${Buffer.byteLength(data)}\r\n${data}\r\n`;
      return clientFrame(opcodes.binary, Buffer.from(payload));
    },
    line(client, line) {
      if (line === 'PONG') client.ready();
      else if (line === 'PING') client.say('PONG\r\n', opcodes.binary);
      else if (line.startsWith('-ERR')) client.fail(`told ${line}`);
    },
    control() {},
  },
};
