import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { maskedFrame, RawClient } from '../support/raw-client.ts';
import { startGateway, type StartedGateway } from '../support/start-gateway.ts';
import { TestClient } from '../support/test-client.ts';

// The ground the public conformance suite for RFC 6455 covers, group by group; broken frames have a file of their own.

const mebibyte = 1024 * 1024;
const limits = { messageBytes: 16 * mebibyte, outboxBytes: 64 * mebibyte };

let plain: StartedGateway;
let compressing: StartedGateway;

const startEcho = async (enabled: boolean): Promise<StartedGateway> => {
  const started: StartedGateway = await startGateway(
    { onMessage: (connection, data, kind) => void started.gateway.send(connection, data, kind) },
    // A ping of the heartbeat would come between the bytes that are expected.
    { limits, heartbeat: { intervalMs: 0 }, compression: { enabled, thresholdBytes: 16, level: 1 } },
  );
  return started;
};

beforeAll(async () => {
  plain = await startEcho(false);
  compressing = await startEcho(true);
});

afterAll(async () => {
  await plain[Symbol.asyncDispose]();
  await compressing[Symbol.asyncDispose]();
});

const digest = (data: string | Buffer): string => createHash('sha1').update(data).digest('hex');

describe('framing (1)', () => {
  it.each([0, 1, 125, 126, 127, 128, 65_535, 65_536, 200_000])(
    'echoes %i bytes as text and as binary',
    async (length) => {
      await using client = await TestClient.open(plain.url);
      client.send('*'.repeat(length));
      client.send(Buffer.alloc(length, 0xfe));
      const [text, binary] = await client.take(2);
      expect([typeof text, text?.length]).toEqual(['string', length]);
      expect(digest(binary ?? '')).toBe(digest(Buffer.alloc(length, 0xfe)));
    },
  );

  it.each([1, 7, 997])('reads frames that arrive in pieces of %i bytes', async (size) => {
    await using client = await RawClient.open(plain.port);
    const frame = maskedFrame(0x82, Buffer.alloc(4_000, 0xab));
    for (let at = 0; at < frame.length; at += size) {
      client.socket.write(frame.subarray(at, at + size));
      if (at % (size * 64) === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await client.read(4)).toEqual(Buffer.from([0x82, 126, 0x0f, 0xa0]));
    expect(await client.read(4_000)).toEqual(Buffer.alloc(4_000, 0xab));
  });
});

describe('pings and pongs (2)', () => {
  it.each([0, 5, 125])('answers a ping of %i bytes with the same', async (length) => {
    await using client = await RawClient.open(plain.port);
    const payload = Buffer.alloc(length, 0xfe);
    client.write(maskedFrame(0x89, payload));
    expect(await client.read(2 + length)).toEqual(Buffer.concat([Buffer.from([0x8a, length]), payload]));
  });

  it('answers pings in order and takes no notice of pongs nobody asked for', async () => {
    await using client = await RawClient.open(plain.port);
    for (let i = 0; i < 10; i++) client.write(maskedFrame(0x8a, 'unasked'), maskedFrame(0x89, `p${i}`));
    for (let i = 0; i < 10; i++) expect((await client.read(4)).toString('latin1')).toBe(`\x8a\x02p${i}`);
  });
});

describe('fragments (5)', () => {
  it('are put together, with control frames between them, whatever the cuts', async () => {
    await using client = await RawClient.open(plain.port);
    const cuts = fc.array(fc.uint8Array({ maxLength: 200, size: 'max' }), { minLength: 1, maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(cuts, fc.array(fc.nat(20)), async (parts, pings) => {
        const whole = Buffer.concat(parts);
        const frames = parts.map((part, i) =>
          maskedFrame((i === parts.length - 1 ? 0x80 : 0) | (i === 0 ? 2 : 0), Buffer.from(part)),
        );
        const between = new Set(pings.filter((at) => at < frames.length));
        client.write(...frames.flatMap((frame, i) => (between.has(i) ? [maskedFrame(0x89, ''), frame] : [frame])));
        expect(await client.read(2 * between.size)).toEqual(
          Buffer.concat(Array.from(between, () => Buffer.from([0x8a, 0]))),
        );
        const header = await client.read(whole.length < 126 ? 2 : 4);
        expect(header[0]).toBe(0x82);
        expect(await client.read(whole.length)).toEqual(whole);
      }),
    );
  });
});

describe('UTF-8 (6)', () => {
  it('is judged as a strict decoder judges it, wherever the fragments are cut', async () => {
    const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
    const isValid = (bytes: Buffer): boolean => {
      try {
        strict.decode(bytes);
        return true;
      } catch {
        return false;
      }
    };
    const pieces = fc.oneof(
      fc.string({ unit: 'grapheme', maxLength: 4 }).map((text) => Buffer.from(text)),
      fc
        .constantFrom(
          'c0af',
          'e08080',
          'eda080',
          'edbfbf',
          'f4908080',
          'f0808080',
          'fe',
          'ff',
          '80',
          'f09f',
          'efbfbf',
          'f48fbfbf',
          'ed9fbf',
          'ee8080',
        )
        .map((hex) => Buffer.from(hex, 'hex')),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(pieces, { minLength: 1, maxLength: 4 }), fc.nat(20), async (parts, cut) => {
        const bytes = Buffer.concat(parts);
        await using client = await RawClient.open(plain.port);
        client.write(
          maskedFrame(0x01, bytes.subarray(0, cut)),
          maskedFrame(0x80, bytes.subarray(cut)),
          maskedFrame(0x88, Buffer.from([3, 232])),
        );
        const answer = await client.readToEnd();
        if (isValid(bytes))
          expect(answer.subarray(0, 2 + bytes.length)).toEqual(
            Buffer.concat([Buffer.from([0x81, bytes.length]), bytes]),
          );
        else expect(answer.readUInt16BE(2)).toBe(1007);
      }),
      { numRuns: 150 },
    );
  });
});

describe('size (9, 10)', () => {
  it.each([
    ['without', false],
    ['with', true],
  ])('echoes 16 MiB of text and of binary, %s compression', async (_what, perMessageDeflate) => {
    await using client = await TestClient.open(compressing.url, [], {
      perMessageDeflate,
      maxPayload: limits.messageBytes,
    });
    const text = 'bells '.repeat(Math.floor(limits.messageBytes / 6));
    client.send(text);
    expect(digest(await client.next())).toBe(digest(text));
    const binary = Buffer.alloc(limits.messageBytes, 0xfe);
    client.send(binary);
    expect(digest(await client.next())).toBe(digest(binary));
  });

  it('echoes 4 MiB that come in fragments of 64 bytes', async () => {
    await using client = await TestClient.open(plain.url);
    const fragment = Buffer.alloc(64, 0x2a);
    const count = (4 * mebibyte) / 64;
    for (let i = 1; i <= count; i++) client.webSocket.send(fragment, { fin: i === count, binary: true });
    expect(digest(await client.next())).toBe(digest(Buffer.alloc(4 * mebibyte, 0x2a)));
  });
});

describe('compression (12, 13)', () => {
  it.each([
    {},
    { clientNoContextTakeover: true },
    { serverNoContextTakeover: true, clientNoContextTakeover: true },
    { serverMaxWindowBits: 9 },
    { serverMaxWindowBits: 9, serverNoContextTakeover: true },
    { clientMaxWindowBits: 9, serverMaxWindowBits: 15 },
  ])('echoes 200 messages of each size when %o is offered', async (offer) => {
    await using client = await TestClient.open(compressing.url, [], { perMessageDeflate: { threshold: 0, ...offer } });
    expect(client.webSocket.extensions).toBe('permessage-deflate');
    for (const length of [16, 64, 256, 1024, 4096, 32_768]) {
      const message = JSON.stringify({ at: length, words: 'the quick brown fox '.repeat(length / 16) }).slice(
        0,
        length,
      );
      for (let i = 0; i < 200; i++) client.send(`${i}${message}`);
      for (let i = 0; i < 200; i++) expect(await client.next()).toBe(`${i}${message}`);
    }
  });
});
