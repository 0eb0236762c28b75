import { once } from 'node:events';
import type { Socket } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IpcBroker } from '../../src/broker/ipc/ipc-broker.ts';
import { participant, settled, textPublication } from '../support/broker-cluster.ts';
import { IpcCluster } from '../support/ipc-cluster.ts';
import { RecordingSink } from '../support/recording-sink.ts';
import { socketPair } from '../support/socket-pair.ts';

const magic = Buffer.from([0, 0, 0, 6, 1, 0x43, 0x52, 0x4c, 0x4e, 3]);

/** A field or a record body as it might be, or almost. */
const anyBytes = fc.uint8Array({ maxLength: 30 }).map((bytes) => Buffer.from(bytes));
const anyField = fc.tuple(anyBytes, fc.integer({ min: -1, max: 1 })).map(([bytes, error]) => {
  const length = Buffer.alloc(4);
  length.writeUInt32BE((bytes.length + (error === 0 || bytes.length === 0 ? 0 : error)) >>> 0);
  return Buffer.concat([length, bytes]);
});
const anyRecord = fc
  .tuple(fc.integer({ min: 0, max: 22 }), fc.array(fc.oneof(anyField, anyBytes), { maxLength: 5 }))
  .map(([type, fields]) => {
    const body = Buffer.concat(fields);
    const header = Buffer.alloc(5);
    header.writeUInt32BE(body.length + 1);
    header[4] = type;
    return Buffer.concat([header, body]);
  });
/** A request to keep or to read, as a worker writes it, of which a byte may be another. */
const anyHistoryRequest = fc
  .tuple(
    fc.constantFrom(
      [
        0, 0, 0, 33, 14, 3, 0, 0, 0, 5, 0x40, 0x4e, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0x61, 0, 0, 0, 1, 0x62, 0, 0, 0, 0, 0,
        0x63, 0x64,
      ],
      [0, 0, 0, 20, 14, 2, 0, 0, 0, 1, 0x61, 0, 0, 0, 1, 0x62, 0, 0, 0, 0, 0, 0x63, 0x64],
      [0, 0, 0, 11, 17, 0, 0, 0, 0, 9, 0, 0, 0, 1, 0x62],
      [0, 0, 0, 22, 17, 3, 0, 0, 0, 9, 0, 0, 0, 1, 0x62, 0, 0, 0, 1, 0x65, 0, 0, 0, 0, 0, 7],
      [0, 0, 0, 6, 19, 0, 0, 0, 1, 0x62],
    ),
    fc.option(fc.tuple(fc.nat(30), fc.nat(255))),
  )
  .map(([bytes, change]) => {
    const record = Buffer.from(bytes);
    // The length is right, so that it is the record that is malformed and not the stream.
    record.writeUInt32BE(record.length - 4);
    if (change !== null) record[4 + (change[0] % (record.length - 4))] = change[1];
    return record;
  });
const anyStream = fc.oneof(
  anyBytes,
  fc.array(anyHistoryRequest, { maxLength: 10 }).map((records) => Buffer.concat([magic, ...records])),
  fc.array(anyRecord, { maxLength: 20 }).map((records) => Buffer.concat([magic, ...records])),
  fc.array(fc.oneof(anyRecord, anyBytes), { maxLength: 20 }).map((parts) => Buffer.concat([magic, ...parts])),
);

/** Writes all and ends; resolves when the socket is closed, by whichever side. */
async function play(socket: Socket, bytes: Buffer): Promise<void> {
  socket.on('error', () => {});
  socket.resume();
  const closed = once(socket, 'close');
  socket.end(bytes);
  await closed;
}

describe('whatever comes over the pipe', () => {
  it('does not end the switch, nor disturb another worker', async () => {
    await using cluster = new IpcCluster();
    const other = await participant(cluster);
    await other.broker.subscribe(['/room']);
    let played = 0;
    await fc.assert(
      fc.asyncProperty(anyStream, async (bytes) => {
        await play(await cluster.pipe(), bytes);
        await other.broker.publish(textPublication('/room', String(played++)));
      }),
      { numRuns: 1_000 },
    );
    await settled([other]);
    expect(other.sink.texts('/room')).toEqual(Array.from({ length: played }, (_, index) => String(index)));
    expect(cluster.switch.stats.workers).toBe(1);
    expect(cluster.switch.stats.malformed).toBeGreaterThan(100);
  });

  it('does not end the worker: the broker is either well or lost', async () => {
    let malformed = 0;
    await fc.assert(
      fc.asyncProperty(anyStream, async (bytes) => {
        using pair = await socketPair();
        let lost = 0;
        const broker = new IpcBroker(pair.near, { onLost: () => lost++ });
        const started = broker.start(new RecordingSink()).then(
          () =>
            Promise.allSettled([
              broker.subscribe(['']),
              broker.publish(textPublication('', 'hello')),
              broker.presence.members('', 10),
              broker.presence.stats(''),
              broker.publish(textPublication('', 'hello'), { history: { size: 1, ttl: 1 }, id: 'a' }),
              broker.history.read('', { limit: 10 }),
            ]),
          () => {},
        );
        await play(pair.far, bytes);
        await started;
        if (!pair.near.closed) await once(pair.near, 'close');
        expect(lost).toBe(1);
        malformed += broker.stats.malformed;
        await broker.close();
      }),
      { numRuns: 1_000 },
    );
    expect(malformed).toBeGreaterThan(100);
  });
});
