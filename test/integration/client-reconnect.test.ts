import { describe, expect, it } from 'vitest';
import type { WebSocket } from 'ws';
import {
  ClosedError,
  ConnectError,
  HandshakeError,
  InvalidUrlError,
  open,
  type StateChange,
} from '../../src/client/open.ts';
import { failureOf } from '../support/failure-of.ts';
import { refusingPort } from '../support/start-tcp-server.ts';
import { echo, startWebSocketServer } from '../support/start-web-socket-server.ts';
import { until } from '../support/until.ts';

const quickly = { baseMs: 1, capMs: 5 };

/** So long that no test sees the end of such a delay. */
const never = { baseMs: 2 ** 31 - 1, capMs: 2 ** 31 - 1 };

describe('a client with reconnect', () => {
  it('asks where to connect at each opening, where the URL is a function', async () => {
    const asked: (string | undefined)[] = [];
    await using server = await startWebSocketServer((socket, request) => {
      asked.push(request.url);
      socket.send('here');
      if (asked.length < 3) socket.close(1012, 'restarting; reconnect in 1 ms');
    });
    let heard = 0;
    const client = await open(() => `${server.url}?since=${heard}`, { reconnect: quickly });
    while (heard < 3) {
      await client.receive();
      heard++;
    }
    await client.close();
    expect(asked.map((url) => url?.slice(url.indexOf('?')))).toEqual(['?since=0', '?since=1', '?since=2']);
  });

  it('closes for good when the function gives no URL, or fails', async () => {
    for (const bad of [
      () => 'no url',
      () => {
        throw new Error('nobody knows');
      },
    ]) {
      await expect(open(bad)).rejects.toThrow(InvalidUrlError);
      await using server = await startWebSocketServer((socket) => socket.close(1012));
      let openings = 0;
      const client = await open(() => (openings++ === 0 ? server.url : bad()), { reconnect: quickly });
      const end = await client.closed;
      expect(end).toMatchObject({ code: 1006, error: expect.any(InvalidUrlError) });
    }
  });

  it('opens a new connection when the server comes back, and goes on receiving', async () => {
    const changes: StateChange[] = [];
    const first = await startWebSocketServer(echo);
    const client = await open(first.url, { reconnect: quickly, onState: (change) => changes.push(change) });
    client.send('one');
    expect(await client.receive()).toBe('one');

    const next = client.receive();
    await first.stop();
    await until(() => changes.filter(({ state }) => state === 'reconnecting').length >= 3);
    expect(client.send('lost')).toBe(false);
    expect(client.bufferedBytes).toBe(0);

    await using second = await startWebSocketServer(echo, { port: first.port });
    await until(() => client.state === 'open');
    expect(second.clients.size).toBe(1);
    client.send('two');
    expect(await next).toBe('two');
    await client.close();

    expect(changes[0]).toEqual({ state: 'open', reconnected: false });
    expect(changes[1]).toEqual({
      state: 'reconnecting',
      attempt: 1,
      delayMs: 0,
      end: { code: 1006, reason: '' },
    });
    expect(changes[2]).toMatchObject({ state: 'reconnecting', attempt: 2, end: { code: 1006 } });
    expect((changes[2] as { end: { error: unknown } }).end.error).toBeInstanceOf(ConnectError);
    expect(changes.slice(-3)).toEqual([
      { state: 'open', reconnected: true },
      { state: 'closing' },
      { state: 'closed', end: { code: 1000, reason: '' } },
    ]);
  });

  it('receives what several connections brought in order', async () => {
    let connections = 0;
    await using server = await startWebSocketServer((socket) => {
      const connection = connections++;
      for (let index = 0; index < 20; index++) socket.send(`${connection}.${index}`);
      socket.close(connection < 4 ? 1012 : 1000);
    });
    const client = await open(server.url, { reconnect: quickly });
    await client.closed;
    const received: unknown[] = [];
    for await (const message of client) received.push(message);
    expect(received).toEqual(Array.from({ length: 100 }, (_, index) => `${Math.floor(index / 20)}.${index % 20}`));
  });

  it('has the subprotocol of the present connection', async () => {
    let chosen = 'a';
    await using server = await startWebSocketServer(undefined, { handleProtocols: () => chosen });
    const client = await open(server.url, { reconnect: quickly, subprotocols: ['a', 'b'] });
    expect(client.subprotocol).toBe('a');
    chosen = 'b';
    for (const socket of server.clients) socket.terminate();
    await until(() => client.subprotocol === 'b');
    await client.close();
  });

  it('is not reconnected by default', async () => {
    await using server = await startWebSocketServer((socket) => socket.terminate());
    const client = await open(server.url);
    expect(await client.closed).toEqual({ code: 1006, reason: '' });
  });

  it('rejects when the first opening fails', async () => {
    await failureOf(open(`ws://127.0.0.1:${await refusingPort()}/`, { reconnect: true }), ConnectError);
  });

  it('waits for a server that is not there yet when it says fromStart', async () => {
    const changes: StateChange[] = [];
    const port = await refusingPort();
    const opening = open(`ws://127.0.0.1:${port}/`, {
      reconnect: { ...quickly, fromStart: true },
      onState: (change) => changes.push(change),
    });
    await until(() => changes.length >= 2);
    await using server = await startWebSocketServer(echo, { port });
    const client = await opening;
    expect(server.clients.size).toBe(1);
    expect(changes[0]).toMatchObject({ state: 'reconnecting', attempt: 1, end: { code: 1006 } });
    expect(changes.at(-1)).toEqual({ state: 'open', reconnected: false });
    await client.close();
  });

  it('rejects with fromStart when it gives up or is closed by its callback', async () => {
    const url = `ws://127.0.0.1:${await refusingPort()}/`;
    await failureOf(open(url, { reconnect: { ...quickly, attempts: 2, fromStart: true } }), ConnectError);
    const changes: string[] = [];
    const closedEarly = open(url, {
      reconnect: { ...never, fromStart: true },
      onState: ({ state }, client) => {
        changes.push(state);
        if (state === 'reconnecting') void client.close(4000, 'no longer');
      },
    });
    expect((await failureOf(closedEarly, ClosedError)).message).toContain('is closed (4000 no longer)');
    expect(changes).toEqual(['reconnecting', 'closed']);
    await using refusing = await startWebSocketServer(undefined, { verifyClient: () => false });
    const refused = open(refusing.url, { reconnect: { ...quickly, fromStart: true } });
    expect((await failureOf(refused, HandshakeError)).status).toBe(401);
  });

  it.each([
    ['1001', (socket: WebSocket) => socket.close(1001)],
    ['1005', (socket: WebSocket) => socket.close()],
    ['1006', (socket: WebSocket) => socket.terminate()],
    ['1011', (socket: WebSocket) => socket.close(1011)],
    ['1012', (socket: WebSocket) => socket.close(1012)],
    ['1013', (socket: WebSocket) => socket.close(1013)],
    ['1014', (socket: WebSocket) => socket.close(1014)],
    ['a code of retryCodes', (socket: WebSocket) => socket.close(4100)],
  ])('tries again after %s', async (_name, end) => {
    let connections = 0;
    await using server = await startWebSocketServer((socket) => {
      if (connections++ === 0) end(socket);
    });
    const client = await open(server.url, { reconnect: { ...quickly, retryCodes: [4100] } });
    await until(() => connections === 2 && client.state === 'open');
    await client.close();
  });

  it('comes back when a server that restarts says, and not after its own delay', async () => {
    const changes: StateChange[] = [];
    let connections = 0;
    await using server = await startWebSocketServer((socket) => {
      if (connections++ === 0) socket.close(1012, 'restarting; reconnect in 20 ms');
    });
    const client = await open(server.url, { reconnect: never, onState: (change) => changes.push(change) });
    await until(() => connections === 2 && client.state === 'open');
    const [, reconnecting] = changes;
    if (reconnecting?.state !== 'reconnecting') throw new Error('it was closed');
    expect(reconnecting.delayMs).toBeGreaterThanOrEqual(20);
    expect(reconnecting.delayMs).toBeLessThan(120);
    await client.close();
  });

  it('comes back when a server that refuses the handshake says', async () => {
    const changes: StateChange[] = [];
    let handshakes = 0;
    await using server = await startWebSocketServer(echo, {
      verifyClient: (_, answer) => {
        if (handshakes++ === 0) answer(false, 503, 'busy', { 'Retry-After': '0' });
        else answer(true);
      },
    });
    const client = await open(server.url, {
      reconnect: { ...never, fromStart: true },
      onState: (change) => changes.push(change),
    });
    expect(changes.map(({ state }) => state)).toEqual(['reconnecting', 'open']);
    await client.close();
  });

  it.each([1000, 1002, 1003, 1007, 1008, 1009, 3000, 4000, 4999])('gives up after %i', async (code) => {
    let connections = 0;
    await using server = await startWebSocketServer((socket) => {
      connections++;
      socket.close(code, 'no');
    });
    const client = await open(server.url, { reconnect: quickly });
    expect(await client.closed).toEqual({ code, reason: 'no' });
    expect(connections).toBe(1);
  });

  it.each([400, 401, 403, 404, 426, 501])('on a handshake refused with %i: gives up below 500 only', async (status) => {
    let handshakes = 0;
    await using server = await startWebSocketServer((socket) => socket.terminate(), {
      verifyClient: (_info, answer) => {
        if (++handshakes === 2) answer(false, status);
        else answer(true);
      },
    });
    const client = await open(server.url, { reconnect: { ...quickly, attempts: 3 } });
    const { code, error } = await client.closed;
    expect(code).toBe(1006);
    if (status < 500) {
      expect(error).toBeInstanceOf(HandshakeError);
      expect(error).toMatchObject({ status });
      expect(handshakes).toBe(2);
    } else {
      expect(handshakes).toBe(4);
    }
  });

  it('gives up after the attempts allowed, and tells the last failure', async () => {
    const changes: string[] = [];
    const server = await startWebSocketServer();
    const client = await open(server.url, {
      reconnect: { ...quickly, attempts: 3 },
      onState: (change) => changes.push(change.state === 'reconnecting' ? `attempt ${change.attempt}` : change.state),
    });
    await server.stop();
    const { code, error } = await client.closed;
    expect(code).toBe(1006);
    expect(error).toBeInstanceOf(ConnectError);
    expect(changes).toEqual(['open', 'attempt 1', 'attempt 2', 'attempt 3', 'closed']);
  });

  it('counts a connection that ended at once as an attempt', async () => {
    let connections = 0;
    await using server = await startWebSocketServer((socket) => {
      connections++;
      socket.terminate();
    });
    const client = await open(server.url, { reconnect: { ...quickly, attempts: 4 } });
    await client.closed;
    expect(connections).toBe(1 + 4);
  });

  it('waits a random part of the doubled delay', async () => {
    const delays: number[] = [];
    await using server = await startWebSocketServer((socket) => socket.terminate());
    const client = await open(server.url, {
      reconnect: { baseMs: 2, capMs: 8, attempts: 6 },
      onState: (change) => {
        if (change.state === 'reconnecting') delays.push(change.delayMs);
      },
    });
    await client.closed;
    expect(delays).toHaveLength(6);
    for (const [index, delay] of delays.entries()) expect(delay).toBeLessThan(Math.min(8, 2 * 2 ** index));
  });

  it('can be closed while it waits', async () => {
    const server = await startWebSocketServer();
    const client = await open(server.url, { reconnect: never });
    const pending = client.receive();
    await server.stop();
    await until(() => client.state === 'reconnecting');
    expect(await client.close(4000, 'enough')).toEqual({ code: 4000, reason: 'enough' });
    expect(await pending).toBeUndefined();
    expect(client.state).toBe('closed');
  });

  it('can be closed while it dials', async () => {
    let letIn: (() => void) | undefined;
    let connections = 0;
    await using server = await startWebSocketServer(() => connections++, {
      verifyClient: (_info, answer) => {
        if (connections === 0) answer(true);
        else letIn = () => answer(true);
      },
    });
    const client = await open(server.url, { reconnect: quickly });
    await until(() => connections === 1);
    for (const socket of server.clients) socket.terminate();
    await until(() => letIn);
    expect(await client.close()).toEqual({ code: 1000, reason: '' });
    letIn?.();
    await until(() => server.clients.size === 0);
    expect(client.state).toBe('closed');
  });

  it('can be closed by its own callback', async () => {
    const server = await startWebSocketServer();
    const client = await open(server.url, {
      reconnect: never,
      onState: ({ state }, self) => {
        if (state === 'reconnecting') void self.close();
      },
    });
    await server.stop();
    expect(await client.closed).toEqual({ code: 1000, reason: '' });
  });

  it('tries at once when it is told to', async () => {
    let connections = 0;
    await using server = await startWebSocketServer(() => connections++);
    const client = await open(server.url, { reconnect: never });
    client.retryNow();
    await until(() => connections === 1);
    for (const socket of server.clients) socket.terminate();
    await until(() => client.state === 'reconnecting');
    client.retryNow();
    client.retryNow();
    await until(() => client.state === 'open');
    expect(connections).toBe(2);
    await client.close();
  });

  it('bounds each opening by timeoutMs', async () => {
    const ends: unknown[] = [];
    let handshakes = 0;
    await using server = await startWebSocketServer((socket) => socket.terminate(), {
      verifyClient: (_info, answer) => {
        if (handshakes++ === 0) answer(true);
      },
    });
    const client = await open(server.url, {
      timeoutMs: 50,
      reconnect: { ...quickly, attempts: 2 },
      onState: (change) => {
        if ('end' in change) ends.push(change.end.error?.code);
      },
    });
    await client.closed;
    expect(ends).toEqual([undefined, 'OPEN_TIMEOUT', 'OPEN_TIMEOUT']);
  });

  it('loses nothing when its inbox is full at the time of the loss', async () => {
    let connections = 0;
    await using server = await startWebSocketServer((socket) => {
      const connection = connections++;
      for (let index = 0; index < 20; index++) socket.send(`${connection}.${index} ${'x'.repeat(1000)}`);
      if (connection === 0) socket.close(1012);
    });
    const client = await open(server.url, { inboxBytes: 4000, reconnect: quickly });
    const received: string[] = [];
    while (received.length < 40) received.push(String(await client.receive()).split(' ', 1)[0] ?? '');
    expect(received).toEqual(Array.from({ length: 40 }, (_, index) => `${Math.floor(index / 20)}.${index % 20}`));
    await client.close();
  });
});
