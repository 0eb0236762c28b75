import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { constants, deflateRawSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { createGateway } from '../../src/index.ts';
import { handshakeRequest, maskedFrame, RawClient } from '../support/raw-client.ts';
import { startGateway } from '../support/start-gateway.ts';
import { until } from '../support/until.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const text = 0x81;
const binary = 0x82;
const deflatedText = 0xc1;
const close = 0x88;

/** More than one turn of the event loop hands over: those behind the first hundred wait. */
const many = Buffer.concat(Array.from({ length: 200 }, (_, i) => maskedFrame(text, String(i))));

/** The frames that a server has sent, as first byte and payload. */
function framesOf(bytes: Buffer): [number, Buffer][] {
  const frames: [number, Buffer][] = [];
  for (let at = 0; at < bytes.length;) {
    const short = (bytes[at + 1] ?? 0) & 0x7f;
    const header = short === 126 ? 4 : short === 127 ? 10 : 2;
    const length = short === 126 ? bytes.readUInt16BE(at + 2) : short === 127 ? bytes.readUIntBE(at + 4, 6) : short;
    frames.push([bytes[at] ?? 0, bytes.subarray(at + header, at + header + length)]);
    at += header + length;
  }
  return frames;
}

function closePayload(code: number, reason: string): Buffer {
  return Buffer.concat([Buffer.from([code >> 8, code & 0xff]), Buffer.from(reason)]);
}

describe('a socket', () => {
  it('closes once, where a message that had waited is handled in the closing, and closes it too', async () => {
    let handled = 0;
    let handledBefore = 0;
    await using started = await startGateway({
      onMessage(connection) {
        handled++;
        if (handled === 1)
          queueMicrotask(() => {
            handledBefore = handled;
            connection.dismiss(1012, 'leave');
          });
        if (handled === 200) connection.close(4000, 'bye');
      },
    });
    await using client = await RawClient.open(started.port);
    client.write(many);
    expect(framesOf(await client.readToEnd())).toEqual([[close, closePayload(4000, 'bye')]]);
    expect(handled).toBe(200);
    expect(handledBefore).toBeLessThan(200);
  });

  it('loses nothing that waits for a client whose own close makes a handler close it too', async () => {
    const large = Buffer.alloc(8 * 1024 * 1024, 'a');
    let handled = 0;
    await using started = await startGateway(
      {
        onMessage(connection) {
          if (++handled === 200) connection.close(4000, 'bye');
        },
      },
      { limits: { outboxBytes: 32 * 1024 * 1024 }, closeTimeoutMs: 60_000 },
      (connection, gateway) => void gateway.send(connection, large),
    );
    await using client = await RawClient.open(started.port);
    client.socket.pause();
    client.write(many, maskedFrame(close, closePayload(1000, '')));
    await until(() => handled === 200);
    client.socket.resume();
    const [sent, ...closes] = framesOf(await client.readToEnd());
    expect(sent?.[1].equals(large)).toBe(true);
    expect(closes).toEqual([[close, closePayload(4000, 'bye')]]);
  });

  it('hands over what was being inflated when the client ended its half, and what came behind', async () => {
    const handled: string[] = [];
    let closed: unknown;
    await using started = await startGateway(
      {
        onMessage: (_connection, data) => void handled.push(String(data)),
        onClose: (_connection, code, reason) => void (closed = [code, reason]),
      },
      { compression: { enabled: true, thresholdBytes: 0, level: 1 } },
    );
    await using client = await RawClient.open(started.port, '/', ['Sec-WebSocket-Extensions: permessage-deflate']);
    const deflated = deflateRawSync('deflated', { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
    const messages = Array.from({ length: 50 }, () => maskedFrame(deflatedText, deflated));
    client.write(...messages, maskedFrame(text, 'plain'), maskedFrame(close, closePayload(3002, 'done')));
    client.socket.end();
    await until(() => closed !== undefined);
    expect(handled).toEqual([...Array.from({ length: 50 }, () => 'deflated'), 'plain']);
    expect(closed).toEqual([3002, 'done']);
  });

  it('keeps of what came with a fragment nothing but the fragment', async () => {
    await using started = await startGateway();
    await using client = await RawClient.open(started.port);
    const fragment = maskedFrame(0x02, 'a');
    const next = maskedFrame(0x00, 'a');
    const pongs = Buffer.concat(Array.from({ length: 480 }, () => maskedFrame(0x8a, Buffer.alloc(125))));
    collect();
    const before = process.memoryUsage().arrayBuffers;
    client.write(fragment);
    for (let i = 0; i < 600; i++) client.write(next, pongs);
    client.write(maskedFrame(0x89, 'read'));
    await client.read(6);
    // 38 MB have come.
    await until(() => {
      collect();
      return process.memoryUsage().arrayBuffers - before < 10_000_000;
    });
  });

  it('is made of a request once, and stays what it was when somebody tries again', async () => {
    await using gateway = await createGateway({});
    let error: unknown;
    const server = createServer();
    server.on('upgrade', (request, _socket, head) => {
      gateway.handshake(request, { onMessage: (connection, data) => void gateway.send(connection, data) }, { head });
      try {
        gateway.handshake(request);
      } catch (thrown) {
        error = thrown;
      }
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    await using client = await RawClient.open((server.address() as AddressInfo).port);
    client.write(maskedFrame(binary, 'still there'));
    expect(framesOf(await client.read(13))).toEqual([[binary, Buffer.from('still there')]]);
    expect(error).toMatchObject({ code: 'ARGUMENT', message: 'request: its handshake has been answered already' });
    server.close();
  });

  it('tells whoever sent a handshake that is none what is wrong, and under which id to ask', async () => {
    await using started = await startGateway();
    await using client = await RawClient.connect(started.port);
    client.write(handshakeRequest().replace('Version: 13', 'Version: 7'));
    const answer = String(await client.readToEnd());
    expect(answer).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
    expect(answer).toMatch(/\r\nSec-WebSocket-Version: 13, 8\r\n/);
    expect(answer).toMatch(/\r\nX-Request-Id: \S+\r\n/);
    expect(answer).toMatch(/\r\n\r\nThis is no valid WebSocket handshake: Sec-WebSocket-Version: expected 13\.\n$/);
  });
});
