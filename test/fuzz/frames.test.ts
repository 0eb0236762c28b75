import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Metrics } from '../../src/metrics/metrics.ts';
import { maskedFrame, RawClient } from '../support/raw-client.ts';
import { startGateway, type StartedGateway } from '../support/start-gateway.ts';
import { TestClient } from '../support/test-client.ts';
import { until } from '../support/until.ts';

const compressionOn = { enabled: true, thresholdBytes: 10, level: 1 };

/** Bytes that are nearly frames: valid ones, cut ones, changed ones, and noise. */
const nearlyFrames = fc.array(
  fc.oneof(
    fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
    fc
      .tuple(fc.nat(255), fc.uint8Array({ maxLength: 300, size: 'max' }))
      .map(([first, payload]) => maskedFrame(first, Buffer.from(payload))),
    fc
      .tuple(
        fc.constantFrom(0x81, 0x01, 0x80, 0x00, 0xc1, 0x88, 0x89),
        fc.uint8Array({ maxLength: 200, size: 'max' }),
        fc.nat(10),
        fc.nat(255),
      )
      .map(([first, payload, at, value]) => {
        const frame = maskedFrame(first, Buffer.from(payload));
        frame[Math.min(at, frame.length - 1)] = value;
        return frame;
      }),
  ),
  { minLength: 1, maxLength: 8 },
);

describe('bytes from outside', () => {
  it.each([
    ['without', {}],
    ['with', { compression: compressionOn }],
  ])('never harm the gateway or a bystander, %s compression', async (_what, options) => {
    const metrics = new Metrics();
    const started: StartedGateway = await startGateway(
      { onMessage: (connection, data, kind) => void started.gateway.send(connection, data, kind) },
      { ...options, metrics, closeTimeoutMs: 200, limits: { messageBytes: 1_000, outboxBytes: 100_000 } },
      (connection, gateway) => gateway.subscribe(connection, 'room'),
    );
    await using _stop = started;
    await using bystander = await TestClient.open(started.url);
    let round = 0;
    await fc.assert(
      fc.asyncProperty(nearlyFrames, fc.boolean(), async (chunks, reset) => {
        await using attacker = await RawClient.open(started.port, '/', [
          'Sec-WebSocket-Extensions: permessage-deflate',
        ]);
        for (const chunk of chunks) attacker.write(chunk);
        if (reset) attacker.socket.resetAndDestroy();
        else attacker.socket.end();
        await started.gateway.multicast('room', `round ${++round}`);
        expect(await bystander.next()).toBe(`round ${round}`);
        await attacker.ended;
      }),
      { numRuns: 150 },
    );
    await until(() => started.gateway.connections.size === 1);
    expect(metrics.counts).toMatchObject({ connections: 1, subscribers: 1, appErrors: 0 });
  });
});
