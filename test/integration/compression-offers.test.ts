import { constants, deflateRawSync, inflateRawSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { handshakeRequest, maskedFrame, RawClient } from '../support/raw-client.ts';
import { startGateway, type StartedGateway } from '../support/start-gateway.ts';

const text = 'a text that is worth compressing, '.repeat(300);

let started: StartedGateway;
beforeAll(async () => {
  started = await startGateway(
    { onMessage: (connection, data, kind) => void started.gateway.send(connection, data, kind) },
    { compression: { enabled: true, thresholdBytes: 100, level: 9 }, heartbeat: { intervalMs: 0 } },
  );
});
afterAll(async () => {
  await started[Symbol.asyncDispose]();
});

/** The first extension of the answer, as the server says it; undefined: none. */
async function negotiate(client: RawClient, ...offers: readonly string[]): Promise<string | undefined> {
  client.socket.write(handshakeRequest('/', ...offers.map((offer) => `Sec-WebSocket-Extensions: ${offer}`)));
  const answer = await client.answer();
  expect(answer).toContain('HTTP/1.1 101');
  return /^sec-websocket-extensions: (.*)\r$/im.exec(answer)?.[1];
}

/** One frame of the server's, not longer than 65,535 bytes. */
async function readFrame(client: RawClient): Promise<{ first: number; payload: Buffer }> {
  const [first = 0, short = 0] = await client.read(2);
  const length = short < 126 ? short : (await client.read(2)).readUInt16BE();
  return { first, payload: await client.read(length) };
}

/** As a client that has so small a window reads it: a longer one fails. */
function inflate(payload: Buffer, windowBits: number): string {
  const tail = Buffer.from([0, 0, 0xff, 0xff]);
  return inflateRawSync(Buffer.concat([payload, tail]), { windowBits, finishFlush: constants.Z_SYNC_FLUSH }).toString();
}

describe('what is agreed on', () => {
  it.each([9, 10, 11, 12, 13, 14, 15])(
    'is a window of %i bits where the client can keep no more, and nothing sent needs more',
    async (bits) => {
      await using client = await RawClient.connect(started.port);
      const agreed = await negotiate(client, `permessage-deflate; server_max_window_bits=${bits}`);
      expect(agreed).toContain('permessage-deflate');
      expect(agreed).toContain('server_no_context_takeover');
      expect(agreed).toContain(`server_max_window_bits=${bits}`);
      for (let i = 0; i < 3; i++) {
        client.write(maskedFrame(0x81, text));
        const { first, payload } = await readFrame(client);
        expect(first).toBe(0xc1);
        expect(inflate(payload, bits)).toBe(text);
      }
    },
  );

  it('lets a client with a window of 8 bits, which zlib cannot serve, send compressed and receive plain', async () => {
    await using client = await RawClient.connect(started.port);
    await negotiate(client, 'permessage-deflate; server_max_window_bits=8');
    const sent = deflateRawSync(text, { finishFlush: constants.Z_SYNC_FLUSH });
    client.write(maskedFrame(0xc1, sent.subarray(0, -4)));
    const { first, payload } = await readFrame(client);
    expect(first).toBe(0x81);
    expect(payload.toString()).toBe(text);
  });

  it.each([
    ['the first of several offers', ['permessage-deflate; server_max_window_bits=11, permessage-deflate'], /=11/],
    ['offers in two headers', ['x-unknown', 'permessage-deflate'], /permessage-deflate/],
    ['an offer after extensions nobody knows', ['x-webkit-deflate-frame, permessage-deflate'], /permessage-deflate/],
    ['quoted values', ['permessage-deflate; server_max_window_bits="12"'], /=12/],
    ['that the client does not take its context over', ['permessage-deflate; client_no_context_takeover'], /deflate/],
    [
      'everything at once',
      [
        'permessage-deflate; client_no_context_takeover; server_no_context_takeover; server_max_window_bits=10; client_max_window_bits=9',
      ],
      /server_max_window_bits=10/,
    ],
  ])('can be %s', async (_what, offers, expected) => {
    await using client = await RawClient.connect(started.port);
    expect(await negotiate(client, ...offers)).toMatch(expected);
    client.write(maskedFrame(0x81, text));
    expect((await readFrame(client)).first).toBe(0xc1);
  });

  it('is nothing where the client offers nothing that is known', async () => {
    await using client = await RawClient.connect(started.port);
    expect(await negotiate(client, 'x-webkit-deflate-frame; no_context_takeover')).toBeUndefined();
    client.write(maskedFrame(0x81, text));
    expect((await readFrame(client)).first).toBe(0x81);
  });
});

describe('an offer that breaks RFC 7692', () => {
  it.each([
    'permessage-deflate; server_max_window_bits=16',
    'permessage-deflate; server_max_window_bits=7',
    'permessage-deflate; server_max_window_bits',
    'permessage-deflate; unheard_of=1',
    'permessage-deflate; server_no_context_takeover=1',
  ])('is answered with 400, or the connection is not compressed: %s', async (offer) => {
    await using client = await RawClient.connect(started.port);
    client.socket.write(handshakeRequest('/', `Sec-WebSocket-Extensions: ${offer}`));
    const answer = await client.answer();
    if (answer.includes(' 400 ')) return;
    expect(answer).toContain('HTTP/1.1 101');
    expect(answer.toLowerCase()).not.toContain('sec-websocket-extensions');
  });
});
