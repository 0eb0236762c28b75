export const scenarios = {
  'one-room': {
    what: '1 × 1,000 subscribers, 100 messages/s',
    rooms: 1,
    subscribersPerRoom: 1000,
    ratePerRoom: 100,
    publish: true,
  },
  'fifty-rooms': {
    what: '50 × 100 subscribers, 16 messages/s each',
    rooms: 50,
    subscribersPerRoom: 100,
    ratePerRoom: 16,
    publish: true,
  },
  idle: { what: '5,000 idle connections', rooms: 50, subscribersPerRoom: 100, ratePerRoom: 0, publish: false },
};

export const systems = {
  carillon: { file: 'carillon.mjs', dialect: 'text' },
  'ws-loop': { file: 'ws-loop.mjs', dialect: 'text' },
  'socket-io': { file: 'socket-io.mjs', dialect: 'socketIo', peer: 'socket.io' },
};
