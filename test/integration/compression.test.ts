import { describe, expect, it } from 'vitest';
import { type CreateGatewayOptions, createGateway } from '../../src/index.ts';
import { countCompressions } from '../support/count-compressions.ts';
import { RawClient } from '../support/raw-client.ts';
import { startGateway, type StartedGateway } from '../support/start-gateway.ts';
import { TestClient } from '../support/test-client.ts';

const compression = { enabled: true, thresholdBytes: 100, level: 6 };

const startEcho = async (options: CreateGatewayOptions): Promise<StartedGateway> => {
  const started: StartedGateway = await startGateway(
    { onMessage: (connection, data, kind) => void started.gateway.send(connection, data, kind) },
    options,
    (connection, gateway) => gateway.subscribe(connection, 'room'),
  );
  return started;
};

const long = 'so compressible, '.repeat(200);

describe('permessage-deflate', () => {
  it('is not negotiated unless it is switched on', async () => {
    await using started = await startEcho({});
    await using client = await TestClient.open(started.url, [], { perMessageDeflate: true });
    expect(client.webSocket.extensions).toBe('');
    client.send(long);
    expect(await client.next()).toBe(long);
  });

  it.each([
    {},
    { serverNoContextTakeover: true },
    { clientNoContextTakeover: true, serverNoContextTakeover: true },
    { serverMaxWindowBits: 9 },
    { serverMaxWindowBits: 8 },
    { serverMaxWindowBits: 12, clientMaxWindowBits: 10 },
  ])('carries text and binary both ways when the client offers %o', async (offer) => {
    await using started = await startEcho({ compression });
    await using client = await TestClient.open(started.url, [], { perMessageDeflate: { threshold: 0, ...offer } });
    expect(client.webSocket.extensions).toBe('permessage-deflate');
    const random = Buffer.from(Array.from({ length: 5_000 }, (_, i) => (i * 7919) % 251));
    for (const message of [long, '', 'short', random, Buffer.from(long.repeat(20))]) {
      client.send(message);
      expect(await client.next()).toEqual(message);
    }
  });

  it('never takes the context over, so that one multicast serves compressed and plain clients alike', async () => {
    await using started = await startEcho({ compression });
    await using compressed = await TestClient.open(started.url, [], { perMessageDeflate: true });
    await using small = await TestClient.open(started.url, [], { perMessageDeflate: { serverMaxWindowBits: 10 } });
    await using plain = await TestClient.open(started.url);
    for (let i = 0; i < 3; i++) {
      await started.gateway.multicast('room', `${i} ${long}`);
      expect(await Promise.all([compressed.next(), small.next(), plain.next()])).toEqual(
        Array.from({ length: 3 }, () => `${i} ${long}`),
      );
    }
  });

  it('compresses a multicast once for each window size, however many get it, and not for those that get it plain', async () => {
    await using started = await startEcho({ compression });
    const sizes = [...Array.from({ length: 12 }, () => 15), ...Array.from({ length: 12 }, () => 10)];
    const clients = await Promise.all([
      ...sizes.map((bits) => TestClient.open(started.url, [], { perMessageDeflate: { serverMaxWindowBits: bits } })),
      TestClient.open(started.url),
    ]);
    using compressions = countCompressions();
    for (let i = 1; i <= 3; i++) {
      await started.gateway.multicast('room', `${i} ${long}`);
      for (const client of clients) expect(await client.next()).toBe(`${i} ${long}`);
      for (const bits of [10, 15]) expect(compressions.windowBits.filter((each) => each === bits).length).toBe(i);
    }
    await started.gateway.multicast('room', 'short');
    for (const client of clients) expect(await client.next()).toBe('short');
    expect(compressions.windowBits.length).toBe(6);
    await Promise.all(clients.map((client) => client[Symbol.asyncDispose]()));
  });

  it.each([
    [{ enabled: true, thresholdBytes: -1, level: 1 }, 'compression.thresholdBytes: found -1'],
    [{ enabled: true, thresholdBytes: 0, level: 10 }, 'compression.level: found 10, expected an integer from 1 to 9'],
    [{ enabled: true, thresholdBytes: 0, level: 0 }, 'compression.level: found 0'],
  ])('is refused at the start when it cannot be: %o', async (impossible, problem) => {
    await expect(createGateway({ compression: impossible })).rejects.toThrow(problem);
  });

  it('compresses what is longer than the threshold and gets smaller by it', async () => {
    await using started = await startEcho({ compression });
    await using client = await RawClient.open(started.port, '/', [
      'Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits',
    ]);
    const [connection] = started.gateway.connections.values();
    if (connection === undefined) throw new Error('no connection');
    started.gateway.send(connection, 'x'.repeat(99));
    expect((await client.read(101))[0]).toBe(0x81);
    started.gateway.send(connection, 'x'.repeat(100));
    const header = await client.read(2);
    expect(header[0]).toBe(0xc1);
    expect(header[1]).toBeLessThan(20);
  });

  it('closes with 1007 on data that cannot be inflated, and with 1009 on a bomb', async () => {
    await using started = await startEcho({ compression, limits: { messageBytes: 10_000, outboxBytes: 100_000 } });
    await using garbage = await RawClient.open(started.port, '/', ['Sec-WebSocket-Extensions: permessage-deflate']);
    garbage.write([0xc1, 0x84, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]);
    const answer = await garbage.readToEnd();
    expect(answer.readUInt16BE(2)).toBe(1007);
    await using bomb = await TestClient.open(started.url, [], { perMessageDeflate: { threshold: 0 } });
    bomb.send('0'.repeat(10_000_000));
    expect((await bomb.closed).code).toBe(1009);
  });
});
