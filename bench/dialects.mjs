// How the systems under test are spoken to. `control` gets every frame that carries no publisher's stamp.
const text = {
  path: (room) => `/room/${room}`,
  opened: (client) => client.resolveReady(),
  message: (payload) => payload,
  control() {},
};

export const dialects = {
  text,
  // Socket.IO 4: Engine.IO 4 in WebSocket frames; https://socket.io/docs/v4/socket-io-protocol/
  socketIo: {
    path: () => '/socket.io/?EIO=4&transport=websocket',
    opened() {},
    message: (payload) => `42["say","${payload}"]`,
    control(client, frame) {
      if (frame.startsWith('0')) client.say('40');
      else if (frame.startsWith('40')) client.say(`42["join",${client.room}]`);
      else if (frame.startsWith('42["joined"')) client.resolveReady();
      else if (frame === '2') client.say('3');
    },
  },
};
