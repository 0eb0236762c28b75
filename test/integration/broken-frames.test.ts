import { describe, expect, it } from 'vitest';
import { maskedFrame, RawClient } from '../support/raw-client.ts';
import { startGateway, type StartedGateway } from '../support/start-gateway.ts';
import { TestClient } from '../support/test-client.ts';

const startEcho = async (): Promise<StartedGateway> => {
  const started: StartedGateway = await startGateway(
    { onMessage: (connection, data, kind) => void started.gateway.send(connection, data, kind) },
    { limits: { messageBytes: 1_000, outboxBytes: 100_000 } },
  );
  return started;
};

const text = 0x81;
const textBegins = 0x01;
const continuation = 0x00;
const continuationEnds = 0x80;
const close = 0x88;
const closeWith = (code: number, reason: Buffer | string = ''): Buffer =>
  maskedFrame(close, Buffer.concat([Buffer.from([code >> 8, code & 0xff]), Buffer.from(reason as string)]));

// Each row: what RFC 6455 forbids, the literal bytes, the code it names.
const broken: [string, Buffer, number][] = [
  ['a reserved data opcode (§5.2)', maskedFrame(0x83, 'x'), 1002],
  ['a reserved control opcode (§5.2)', maskedFrame(0x8b, ''), 1002],
  ['RSV1 without an extension (§5.2)', maskedFrame(0xc1, 'x'), 1002],
  ['RSV2 (§5.2)', maskedFrame(0xa1, 'x'), 1002],
  ['RSV3 (§5.2)', maskedFrame(0x91, 'x'), 1002],
  ['an unmasked frame (§5.1)', Buffer.from([0x81, 0x02, 0x48, 0x69]), 1002],
  ['a fragmented ping (§5.5)', maskedFrame(0x09, 'x'), 1002],
  ['a ping of 126 bytes (§5.5)', maskedFrame(0x89, Buffer.alloc(126)), 1002],
  ['a close of one byte (§5.5.1)', maskedFrame(close, Buffer.from([3])), 1002],
  ['close code 999 (§7.4)', closeWith(999), 1002],
  ['close code 1004 (§7.4.1)', closeWith(1004), 1002],
  ['close code 1005 (§7.4.1)', closeWith(1005), 1002],
  ['close code 1006 (§7.4.1)', closeWith(1006), 1002],
  ['close code 1016 (§7.4.1)', closeWith(1016), 1002],
  ['close code 2999 (§7.4.2)', closeWith(2999), 1002],
  ['close code 5000 (§7.4.2)', closeWith(5000), 1002],
  ['a close reason that is not UTF-8 (§5.5.1)', closeWith(1000, Buffer.from([0xff])), 1007],
  ['a continuation of nothing (§5.4)', maskedFrame(continuationEnds, 'x'), 1002],
  [
    'a new message within a fragmented one (§5.4)',
    Buffer.concat([maskedFrame(textBegins, 'x'), maskedFrame(text, 'y')]),
    1002,
  ],
  ['text that is not UTF-8 (§8.1)', maskedFrame(text, Buffer.from([0xc0, 0xaf])), 1007],
  ['text with a surrogate (§8.1)', maskedFrame(text, Buffer.from([0xed, 0xa0, 0x80])), 1007],
  [
    'text that breaks off within a character across fragments (§8.1)',
    Buffer.concat([
      maskedFrame(textBegins, Buffer.from([0xe2, 0x82])),
      maskedFrame(continuationEnds, Buffer.from([0x28])),
    ]),
    1007,
  ],
  ['a message over the limit (§7.4.1)', maskedFrame(text, Buffer.alloc(1_001, 'x')), 1009],
  [
    'fragments that together are over the limit (§7.4.1)',
    Buffer.concat([
      maskedFrame(textBegins, Buffer.alloc(600, 'x')),
      maskedFrame(continuationEnds, Buffer.alloc(600, 'x')),
    ]),
    1009,
  ],
  [
    'a message in more fragments than are reasonable (§7.4.1)',
    Buffer.concat([
      maskedFrame(textBegins, ''),
      ...Array.from({ length: 17_000 }, () => maskedFrame(continuation, '')),
    ]),
    1008,
  ],
  ['a frame that claims 2^40 bytes (§5.2)', Buffer.from([0x82, 0xff, 0, 0, 1, 0, 0, 0, 0, 0, 1, 2, 3, 4]), 1009],
  ['a length with its highest bit set (§5.2)', Buffer.from([0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4]), 1009],
];

describe('a frame that breaks RFC 6455', () => {
  it.each(broken)('closes the connection and disturbs nobody: %s', async (_what, bytes, code) => {
    await using started = await startEcho();
    await using bystander = await TestClient.open(started.url);
    await using client = await RawClient.open(started.port);
    client.write(maskedFrame(text, 'before'), bytes);
    const answer = await client.readToEnd();
    // The message before it is answered, then comes exactly one close frame with the code.
    expect(answer.subarray(0, 8)).toEqual(Buffer.from('\x81\x06before', 'latin1'));
    expect(answer[8]).toBe(close);
    expect(answer.readUInt16BE(10)).toBe(code);
    bystander.send('undisturbed');
    expect(await bystander.next()).toBe('undisturbed');
  });

  it('is told apart from one that only looks odd: fragments with a ping between them, empty fragments, empty messages', async () => {
    await using started = await startEcho();
    await using client = await RawClient.open(started.port);
    client.write(
      maskedFrame(textBegins, Buffer.from([0xe2])),
      maskedFrame(0x89, 'are you there'),
      maskedFrame(continuation, ''),
      maskedFrame(continuation, Buffer.from([0x82])),
      maskedFrame(continuationEnds, Buffer.from([0xac])),
      maskedFrame(text, ''),
    );
    expect(await client.read(15)).toEqual(Buffer.from('\x8a\x0dare you there', 'latin1'));
    expect(await client.read(5)).toEqual(Buffer.from([0x81, 3, 0xe2, 0x82, 0xac]));
    expect(await client.read(2)).toEqual(Buffer.from([0x81, 0]));
  });

  it.each([1000, 1001, 1003, 1007, 1011, 1014, 3000, 4999])('close code %i is answered with itself', async (code) => {
    await using started = await startEcho();
    await using client = await RawClient.open(started.port);
    client.write(closeWith(code));
    const answer = await client.readToEnd();
    expect(answer.readUInt16BE(2)).toBe(code);
  });
});
