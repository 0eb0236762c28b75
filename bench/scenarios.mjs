// What is measured, and with which systems. `measure` is one of ../measure's: `fan-out`, `idle`, `storm`.
//
// rooms, subscribersPerRoom    the clients
// publishing                   `one-per-room`: a client of its own; `each`: every subscriber also speaks
// rate                         messages per second and publisher; `burst` of them at once
// window                       instead of a rate: so many publications may be on their way
// payload                      kind and bytes of a message; default: 128 bytes of text
// stalledShare                 of the subscribers, who stop reading
// generators                   processes of clients; default: what --generators says
// server                       what the systems are told; see systems/*.mjs

/** Rooms in one process, or one and its workers. Each of these keeps no history here. */
const plain = ['carillon', 'ws-loop', 'socket-io', 'nchan', 'nats-server', 'external'];
/** What has one write per delivery: there the kernel has a floor. */
const withFloor = [...plain, 'c-loop'];
const throughRedis = ['carillon-redis-workers', 'carillon-redis-nodes', 'socket-io-redis'];

const text = { kind: 'plain', bytes: 128 };
const oneRoom = { measure: 'fan-out', rooms: 1, subscribersPerRoom: 1000, publishing: 'one-per-room', payload: text };
const fiftyRooms = { ...oneRoom, rooms: 50, subscribersPerRoom: 100 };
const stalling = { ...oneRoom, subscribersPerRoom: 200, rate: 50, payload: { kind: 'plain', bytes: 16_384 } };
const outboxBytes = 1_048_576;

export const scenarios = {
  'one-room': { what: '1 × 1,000 subscribers, 100 messages/s', ...oneRoom, rate: 100, systems: withFloor },
  'fifty-rooms': { what: '50 × 100 subscribers, 16 messages/s each', ...fiftyRooms, rate: 16, systems: withFloor },
  bursts: {
    what: '1 × 1,000 subscribers, 10 bursts of 10 messages/s',
    ...oneRoom,
    rate: 100,
    burst: 10,
    systems: plain,
  },
  saturation: {
    what: '1 × 1,000 subscribers, as fast as deliveries are absorbed (at most 64 publications on their way)',
    ...oneRoom,
    window: 64,
    systems: plain,
  },
  everybody: {
    what: '20 × 50 clients, each says 1 message/s to the 49 others',
    ...oneRoom,
    rooms: 20,
    subscribersPerRoom: 50,
    publishing: 'each',
    rate: 1,
    systems: withFloor,
  },
  history: {
    what: '1 × 1,000 subscribers, 100 messages/s, with history (what chat keeps unless told otherwise)',
    ...oneRoom,
    rate: 100,
    server: { history: true },
    systems: ['carillon'],
  },
  deflate: {
    what: '1 × 200 subscribers, 50 messages/s of 512 bytes of JSON, permessage-deflate without context takeover, level 1',
    ...oneRoom,
    subscribersPerRoom: 200,
    rate: 50,
    payload: { kind: 'json', bytes: 512 },
    server: { deflate: true },
    systems: ['carillon', 'ws-loop', 'socket-io'],
  },
  inflated: {
    what: 'the same without compression',
    ...oneRoom,
    subscribersPerRoom: 200,
    rate: 50,
    payload: { kind: 'json', bytes: 512 },
    systems: ['carillon', 'ws-loop', 'socket-io'],
  },
  reading: {
    what: '1 × 200 subscribers, 50 messages/s of 16 KiB, all of them read (to compare with the next)',
    ...stalling,
    server: { outboxBytes },
    systems: ['carillon', 'ws-loop', 'socket-io', 'external'],
  },
  stalled: {
    what: 'the same with 10 % stalled readers',
    ...stalling,
    stalledShare: 0.1,
    server: { outboxBytes },
    systems: ['carillon', 'ws-loop', 'socket-io', 'external'],
  },
  'stalled-drop-oldest': {
    what: 'the same with 10 % stalled readers that stay connected (policy drop-oldest)',
    ...stalling,
    stalledShare: 0.1,
    server: { outboxBytes, slowConsumer: 'drop-oldest' },
    systems: ['carillon'],
  },
  'redis-one-room': {
    what: '1 × 1,000 subscribers, 100 messages/s, through Redis, two processes',
    ...oneRoom,
    rate: 100,
    systems: throughRedis,
  },
  'redis-fifty-rooms': {
    what: '50 × 100 subscribers, 16 messages/s each, through Redis, two processes',
    ...fiftyRooms,
    rate: 16,
    systems: throughRedis,
  },
  'redis-history': {
    what: '1 × 1,000 subscribers, 100 messages/s, through Redis, two processes, with history',
    ...oneRoom,
    rate: 100,
    server: { history: true },
    systems: ['carillon-redis-workers', 'carillon-redis-nodes'],
  },
  idle: {
    what: '10,000 idle connections in 50 rooms',
    measure: 'idle',
    rooms: 50,
    subscribersPerRoom: 200,
    publishing: 'none',
    systems: ['carillon', 'bare-ws', 'ws-loop', 'socket-io', 'nchan', 'nats-server', 'external'],
  },
  handshake: {
    what: '4,000 connections as fast as they are accepted, five times, to nothing but a socket (Carillon: the echo app)',
    measure: 'storm',
    waves: 5,
    rooms: 1,
    subscribersPerRoom: 4000,
    warmUpConnections: 20_000,
    publishing: 'none',
    server: { app: 'echo' },
    systems: ['carillon', 'bare-ws', 'external'],
  },
  storm: {
    what: '4,000 connections as fast as they are accepted, five times, each into one of 50 rooms',
    measure: 'storm',
    waves: 5,
    rooms: 50,
    subscribersPerRoom: 80,
    warmUpConnections: 5000,
    publishing: 'none',
    systems: ['carillon', 'ws-loop', 'socket-io', 'nchan', 'nats-server', 'external'],
  },
  'one-room-2-generators': {
    what: 'one-room with two generator processes',
    ...oneRoom,
    rate: 100,
    generators: 2,
    systems: ['carillon', 'ws-loop'],
  },
  'saturation-2-generators': {
    what: 'saturation with two generator processes',
    ...oneRoom,
    window: 64,
    generators: 2,
    systems: ['carillon', 'ws-loop'],
  },
  tiny: {
    what: '2 × 5 subscribers, 20 messages/s each: shows that the suite works, measures nothing',
    ...oneRoom,
    rooms: 2,
    subscribersPerRoom: 5,
    rate: 20,
    onlyOnDemand: true,
    systems: plain,
  },
};
