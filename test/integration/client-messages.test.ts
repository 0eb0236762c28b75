import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { WebSocket } from 'ws';
import {
  ClosedError,
  InvalidOptionError,
  open,
  ProtocolError,
  type Client,
  type Message,
  type StateChange,
} from '../../src/client/open.ts';
import { startTcpServer } from '../support/start-tcp-server.ts';
import { echo, startWebSocketServer, type StartedWebSocketServer } from '../support/start-web-socket-server.ts';
import { until } from '../support/until.ts';

async function receiveAll(client: Client): Promise<Message[]> {
  const messages: Message[] = [];
  for await (const message of client) messages.push(message);
  return messages;
}

/** The server's end of the one connection there is. */
function onlyClient(server: StartedWebSocketServer): Promise<WebSocket> {
  return until(() => [...server.clients][0]);
}

/** Answers the handshake and sends these bytes in the same write. */
function startFrameServer(...bytes: number[]): ReturnType<typeof startTcpServer> {
  return startTcpServer((socket: Socket) => {
    socket.once('data', (request) => {
      const key = /Sec-WebSocket-Key: (\S+)/i.exec(request.toString())?.[1] ?? '';
      const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
      const answer = `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`;
      socket.write(Buffer.concat([Buffer.from(answer), Buffer.from(bytes)]));
    });
  });
}

describe('messages of a client', () => {
  it('come back from an echo in order, text as text and binary as binary', async () => {
    await using server = await startWebSocketServer(echo);
    const client = await open(server.url);
    const message = fc.oneof(fc.string({ unit: 'grapheme' }), fc.uint8Array({ maxLength: 70_000 }));
    await fc.assert(
      fc.asyncProperty(fc.array(message, { maxLength: 50 }), async (messages) => {
        for (const data of messages) expect(client.send(data)).toBe(true);
        for (const data of messages) {
          const received = await client.receive();
          if (typeof data === 'string') expect(received).toBe(data);
          else expect(Buffer.compare(received as Uint8Array, data)).toBe(0);
        }
      }),
      { numRuns: 50 },
    );
    await client.close();
  });

  it('that the server sends in one write with its answer are not lost', async () => {
    await using server = await startFrameServer(0x81, 2, 0x68, 0x69, 0x82, 1, 0xff, 0x88, 2, 0x03, 0xe8);
    const client = await open(`ws://127.0.0.1:${server.port}/`);
    expect(await client.receive()).toBe('hi');
    expect(await client.receive()).toEqual(Buffer.from([0xff]));
    expect(await client.receive()).toBeUndefined();
    expect(await client.closed).toEqual({ code: 1000, reason: '' });
  });

  it('are given to pending calls of receive in the order of the calls', async () => {
    await using server = await startWebSocketServer(echo);
    const client = await open(server.url);
    const calls = [client.receive(), client.receive(), client.receive()];
    for (const text of ['a', 'b', 'c']) client.send(text);
    expect(await Promise.all(calls)).toEqual(['a', 'b', 'c']);
    const pending = client.receive();
    await client.close();
    expect(await pending).toBeUndefined();
  });

  it('that arrived before the end can be received after it', async () => {
    await using server = await startWebSocketServer((socket) => {
      for (const text of ['a', 'b', 'c']) socket.send(text);
      socket.close(1000, 'that was all');
    });
    const client = await open(server.url);
    expect(await client.closed).toEqual({ code: 1000, reason: 'that was all' });
    expect(await receiveAll(client)).toEqual(['a', 'b', 'c']);
    expect(await client.receive()).toBeUndefined();
  });

  it('can be iterated in several loops; leaving one does not close the client', async () => {
    await using server = await startWebSocketServer(echo);
    const client = await open(server.url);
    for (const text of ['a', 'b', 'c']) client.send(text);
    for await (const message of client) {
      expect(message).toBe('a');
      break;
    }
    expect(client.state).toBe('open');
    expect(await client.receive()).toBe('b');
    for await (const message of client) {
      expect(message).toBe('c');
      break;
    }
    await client.close();
  });

  it('are refused when they are neither string nor bytes', async () => {
    await using server = await startWebSocketServer(echo);
    const client = await open(server.url);
    const wrong: unknown = { a: 1 };
    expect(() => client.send(wrong as string)).toThrow(InvalidOptionError);
    expect(() => client.send(wrong as string)).toThrow('of type object; expected a string or a Uint8Array');
    await client.close();
  });

  it('that the network does not take are counted in bufferedBytes', async () => {
    await using server = await startWebSocketServer((socket) => socket.pause());
    const client = await open(server.url);
    await onlyClient(server);
    expect(client.bufferedBytes).toBe(0);
    const chunk = Buffer.alloc(1024 * 1024);
    for (let count = 0; count < 32; count++) client.send(chunk);
    expect(client.bufferedBytes).toBeGreaterThan(8 * 1024 * 1024);
    await server.stop();
    await client.closed;
    expect(client.bufferedBytes).toBe(0);
  });
});

describe('the inbox of a client on Node', () => {
  it('stops reading at its cap, and loses nothing', async () => {
    await using server = await startWebSocketServer();
    const client = await open(server.url, { inboxBytes: 256 * 1024 });
    const socket = await onlyClient(server);
    const count = 4096;
    let written = 0;
    const writeNext = (): void => {
      if (written < count) socket.send(`${written++} ${'x'.repeat(16 * 1024)}`, writeNext);
    };
    writeNext();

    // Buffers of the kernel take a few MiB; when they are full the rest stays with the server.
    let last = 0;
    let unchanged = 0;
    await until(() => {
      unchanged = written === last ? unchanged + 1 : 0;
      last = written;
      return unchanged === 20;
    });
    expect(written).toBeLessThan(count / 2);

    for (let index = 0; index < count; index++) {
      const message = await client.receive();
      expect(String(message).split(' ', 1)).toEqual([String(index)]);
    }
    await client.close();
  });

  it('does not keep a close from being seen', async () => {
    await using server = await startWebSocketServer();
    const client = await open(server.url, { inboxBytes: 1000 });
    const socket = await onlyClient(server);
    for (let index = 0; index < 5000; index++) socket.send('x'.repeat(1000));
    const closed = once(socket, 'close');
    expect(await client.close(3001, 'enough')).toEqual({ code: 3001, reason: 'enough' });
    expect((await closed)[0]).toBe(3001);
  });

  it('closes with 1009 for a message longer than itself', async () => {
    await using server = await startWebSocketServer();
    const client = await open(server.url, { inboxBytes: 1000, reconnect: { baseMs: 1 } });
    const socket = await onlyClient(server);
    socket.send('x'.repeat(1000));
    socket.send('x'.repeat(1001));
    const closed = once(socket, 'close');
    const { code, error } = await client.closed;
    expect(code).toBe(1009);
    expect(error).toBeInstanceOf(ProtocolError);
    expect(error?.message).toContain('Max payload size exceeded');
    expect((await closed)[0]).toBe(1009);
    expect(await client.receive()).toHaveLength(1000);
    expect(await client.receive()).toBeUndefined();
  });
});

describe('the end of a client', () => {
  it.each([
    ['a reserved opcode', [0x83, 0], 1002],
    ['text that is not UTF-8', [0x81, 1, 0xff], 1007],
  ])('comes with a server that breaks the protocol: %s', async (_name, frame, code) => {
    await using server = await startFrameServer(...frame);
    const client = await open(`ws://127.0.0.1:${server.port}/`, { reconnect: { baseMs: 1 }, closeTimeoutMs: 100 });
    const end = await client.closed;
    expect(end.code).toBe(code);
    expect(end.error).toMatchObject({ code: 'PROTOCOL_ERROR' });
  });

  it('tells the server code and reason, and is told', async () => {
    const changes: StateChange[] = [];
    await using server = await startWebSocketServer();
    const client = await open(server.url, { onState: (change) => changes.push(change) });
    const socket = await onlyClient(server);
    const closed = once(socket, 'close');
    const end = client.close(4321, 'done');
    expect(client.state).toBe('closing');
    expect(await end).toEqual({ code: 4321, reason: 'done' });
    expect(client.state).toBe('closed');
    const [code, reason] = (await closed) as [number, Buffer];
    expect([code, reason.toString()]).toEqual([4321, 'done']);
    expect(await client.close()).toEqual({ code: 4321, reason: 'done' });
    expect(changes).toEqual([
      { state: 'open', reconnected: false },
      { state: 'closing' },
      { state: 'closed', end: { code: 4321, reason: 'done' } },
    ]);
  });

  it('cuts a long reason to 123 bytes, between characters', async () => {
    await using server = await startWebSocketServer();
    const client = await open(server.url);
    const closed = once(await onlyClient(server), 'close');
    await client.close(1000, '☃'.repeat(42));
    expect(String((await closed)[1])).toBe('☃'.repeat(41));
  });

  it('refuses codes that a program may not send', async () => {
    await using server = await startWebSocketServer();
    const client = await open(server.url);
    for (const code of [0, 999, 1001, 1006, 2999, 5000, 3000.5, Number.NaN]) {
      expect(() => client.close(code)).toThrow(InvalidOptionError);
    }
    expect(client.state).toBe('open');
    await client.close(3000);
  });

  it('comes after closeTimeoutMs when the server does not answer the close', async () => {
    await using server = await startWebSocketServer((socket) => socket.pause());
    const client = await open(server.url, { closeTimeoutMs: 50 });
    await onlyClient(server);
    expect(await client.close()).toEqual({ code: 1006, reason: '' });
  });

  it('without a close frame is 1006', async () => {
    await using server = await startWebSocketServer((socket) => socket.terminate());
    const client = await open(server.url);
    expect(await client.closed).toEqual({ code: 1006, reason: '' });
  });

  it('makes send throw, saying why the client is closed', async () => {
    await using server = await startWebSocketServer((socket) => socket.close(1008, 'not here'));
    const client = await open(server.url);
    await client.closed;
    expect(() => client.send('late')).toThrow(ClosedError);
    expect(() => client.send('late')).toThrow(
      `the client of ${server.url} is closed (1008 not here); nothing can be sent any more`,
    );
  });

  it('drops messages that arrive after close was called', async () => {
    await using server = await startWebSocketServer((socket) => {
      socket.send('before');
      socket.on('close', () => {});
    });
    const client = await open(server.url);
    const socket = await onlyClient(server);
    expect(await client.receive()).toBe('before');
    const end = client.close();
    socket.send('after');
    await end;
    expect(await client.receive()).toBeUndefined();
  });
});
