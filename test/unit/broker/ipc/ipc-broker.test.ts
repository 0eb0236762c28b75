import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { BrokerClosedError, BrokerUnavailableError } from '../../../../src/broker/broker.ts';
import { IpcBroker } from '../../../../src/broker/ipc/ipc-broker.ts';
import { participant, settled, textPublication } from '../../../support/broker-cluster.ts';
import { IpcCluster } from '../../../support/ipc-cluster.ts';
import { RecordingSink } from '../../../support/recording-sink.ts';
import { socketPair } from '../../../support/socket-pair.ts';
import { until } from '../../../support/until.ts';

const room = '/websocket/chat';

describe('IpcBroker', () => {
  it('sends what is published in one turn in one write', async () => {
    await using cluster = new IpcCluster();
    const { broker, pipe } = await cluster.joinWithPipe();
    await broker.start(new RecordingSink());
    await broker.subscribe([room]);

    const written = pipe.bytesWritten;
    const writes: number[] = [];
    const write = pipe.write.bind(pipe);
    pipe.write = ((chunk: Buffer, done?: () => void) => {
      writes.push(chunk.length);
      return write(chunk, done);
    }) as typeof pipe.write;
    await Promise.all(Array.from({ length: 100 }, () => broker.publish(textPublication(room, 'hello'))));

    expect(writes).toHaveLength(1);
    expect(pipe.bytesWritten - written).toBe(writes[0]);
  });

  it('refuses publications above its cap with an error that names the cap, and recovers', async () => {
    await using cluster = new IpcCluster();
    const broker = await cluster.join({ unansweredBytes: 10_000 });
    const sink = new RecordingSink();
    await broker.start(sink);
    await broker.subscribe([room]);

    const results = await Promise.allSettled(
      Array.from({ length: 200 }, (_, index) =>
        broker.publish(textPublication(room, String(index).padStart(100, '0'))),
      ),
    );
    const accepted = results.filter(({ status }) => status === 'fulfilled').length;
    expect(accepted).toBeGreaterThan(10);
    expect(accepted).toBeLessThan(100);
    const refused = results.at(-1);
    expect(refused?.status === 'rejected' && refused.reason).toBeInstanceOf(BrokerUnavailableError);
    expect(String(refused?.status === 'rejected' && refused.reason)).toContain('the cap unansweredBytes is 10000');

    expect(broker.stats.unansweredBytes).toBe(0);
    await broker.publish(textPublication(room, 'after'));
    await settled([{ broker, sink }]);
    expect(sink.texts(room)).toHaveLength(accepted + 1);
  });

  it('lets names be left above the cap, for that is less work for the primary', async () => {
    await using cluster = new IpcCluster();
    const broker = await cluster.join({ unansweredBytes: 1 });
    await broker.start(new RecordingSink());
    const subscribed = broker.subscribe([room]);
    await expect(broker.subscribe(['another'])).rejects.toBeInstanceOf(BrokerUnavailableError);
    await broker.unsubscribe([room]);
    await subscribed;
  });

  it('refuses a publication that no record can hold', async () => {
    await using cluster = new IpcCluster();
    const { broker } = await participant(cluster);
    const data = Buffer.alloc(256 * 1024 * 1024);
    await expect(broker.publish({ subscription: room, data, kind: 'binary', exclude: [] })).rejects.toThrow('too long');
    await broker.publish(textPublication(room, 'hello'));
  });

  it('rejects what is under way and what comes later when the pipe is lost, and says so once', async () => {
    await using cluster = new IpcCluster();
    const lost: Error[] = [];
    const { broker, pipe } = await cluster.joinWithPipe({ onLost: (error) => lost.push(error) });
    await broker.start(new RecordingSink());
    await broker.subscribe([room]);

    const underWay = [broker.publish(textPublication(room, 'hello')), broker.subscribe(['another'])];
    const asked = [
      broker.presence.members(room, 10),
      broker.presence.stats(room),
      broker.history.read(room, { limit: 10 }),
      broker.publish(textPublication(room, 'hello'), { id: 'a', history: { size: 1, ttl: 1 } }),
      broker.control.send({ type: 'a', body: '' }),
    ];
    pipe.destroy(new Error('cut'));
    for (const call of [...underWay, ...asked]) await expect(call).rejects.toBeInstanceOf(BrokerUnavailableError);
    await expect(broker.publish(textPublication(room, 'hello'))).rejects.toThrow(
      'the pipe to the primary is gone: cut',
    );
    await expect(broker.subscribe([room])).rejects.toBeInstanceOf(BrokerUnavailableError);
    await expect(broker.presence.enter(room, { connectionId: 'a' })).rejects.toBeInstanceOf(BrokerUnavailableError);
    expect(lost).toHaveLength(1);

    await broker.close();
    await expect(broker.publish(textPublication(room, 'hello'))).rejects.toBeInstanceOf(BrokerClosedError);
  });

  it('notices that the primary has gone', async () => {
    await using cluster = new IpcCluster();
    let lost: Error | undefined;
    const broker = await cluster.join({ onLost: (error) => (lost = error) });
    await broker.start(new RecordingSink());
    cluster.switch.close();
    await until(() => lost);
    await expect(broker.publish(textPublication(room, 'hello'))).rejects.toBeInstanceOf(BrokerUnavailableError);
  });

  it('does not say that the pipe was lost when it was closed', async () => {
    await using cluster = new IpcCluster();
    let isLost = false;
    const { broker, pipe } = await cluster.joinWithPipe({ onLost: () => (isLost = true) });
    await broker.start(new RecordingSink());
    await broker.close();
    expect(pipe.closed).toBe(true);
    expect(isLost).toBe(false);
  });

  it('resolves at its close what the primary had still accepted', async () => {
    await using cluster = new IpcCluster();
    const { broker } = await participant(cluster);
    const published = broker.publish(textPublication(room, 'good bye'));
    await broker.close();
    await expect(published).resolves.toBeUndefined();
  });

  it('gives up after a while when the primary does not answer its close', async () => {
    using pair = await socketPair();
    const other = new IpcCluster();
    other.switch.attach(pair.far);
    const broker = new IpcBroker(pair.near, { closeTimeoutMs: 50 });
    await broker.start(new RecordingSink());
    pair.far.pause();
    const published = broker.publish(textPublication(room, 'hello'));
    const rejected = expect(published).rejects.toBeInstanceOf(BrokerClosedError);
    await broker.close();
    await rejected;
    await other[Symbol.asyncDispose]();
  });

  it('cannot be used before its start', async () => {
    await using cluster = new IpcCluster();
    const broker = await cluster.join();
    await expect(broker.publish(textPublication(room, 'hello'))).rejects.toThrow('the broker has not been started');
  });

  it('does not start over a pipe that has ended, or that speaks another version', async () => {
    using ended = await socketPair();
    ended.near.destroy();
    await once(ended.near, 'close');
    await expect(new IpcBroker(ended.near).start(new RecordingSink())).rejects.toBeInstanceOf(BrokerUnavailableError);

    using closing = await socketPair();
    const started = new IpcBroker(closing.near).start(new RecordingSink());
    closing.far.destroy();
    await expect(started).rejects.toBeInstanceOf(BrokerUnavailableError);

    using foreign = await socketPair();
    const broker = new IpcBroker(foreign.near);
    const refused = expect(broker.start(new RecordingSink())).rejects.toThrow('magic and version');
    foreign.far.write(Buffer.from([0, 0, 0, 6, 1, 0x43, 0x52, 0x4c, 0x4e, 4]));
    await refused;
    expect(broker.stats.malformed).toBe(1);
  });

  it('counts', async () => {
    await using cluster = new IpcCluster();
    const broker = await cluster.join();
    const sink = new RecordingSink();
    await broker.start(sink);
    await broker.subscribe([room]);
    await broker.publish(textPublication(room, 'hello'));
    await broker.publish(textPublication('nobody', 'hello'));
    await until(() => sink.publications.length === 1);
    expect(broker.stats).toEqual({ publications: 2, deliveries: 1, gaps: 0, malformed: 0, unansweredBytes: 0 });
  });

  it.each<[string, number[]]>([
    ['that is of another type than what was asked for', [0, 0, 0, 9, 20, 0, 0, 0, 0, 0, 0, 0, 0]],
    ['that cannot be read', [0, 0, 0, 2, 18, 7]],
    ['that only accepts', [0, 0, 0, 5, 8, 0, 0, 0, 1]],
  ])('rejects a call with an answer %s, and is lost', async (_what, answer) => {
    using pair = await socketPair();
    const broker = new IpcBroker(pair.near);
    const started = broker.start(new RecordingSink());
    pair.far.write(Buffer.from([0, 0, 0, 6, 1, 0x43, 0x52, 0x4c, 0x4e, 3]));
    await started;
    const read = expect(broker.history.read(room, { limit: 1 })).rejects.toBeInstanceOf(BrokerUnavailableError);
    pair.far.write(Buffer.from(answer));
    await read;
    expect(broker.stats.malformed).toBe(1);
    await broker.close();
  });

  it('says nothing of a gap in what is its own', async () => {
    using pair = await socketPair();
    const sink = new RecordingSink();
    const broker = new IpcBroker(pair.near);
    const started = broker.start(sink);
    pair.far.write(Buffer.from([0, 0, 0, 6, 1, 0x43, 0x52, 0x4c, 0x4e, 3]));
    await started;
    const ready = Promise.all([broker.subscribe(['a']), broker.control.listen('n', () => {})]);
    pair.far.write(Buffer.from([0, 0, 0, 5, 8, 0, 0, 0, 2]));
    await ready;
    const names = ['a', 'carillon:control', 'carillon:control:n'].map((name) => {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(name.length);
      return Buffer.concat([length, Buffer.from(name)]);
    });
    const gap = Buffer.concat([Buffer.from([0, 0, 0, 0, 10]), ...names]);
    gap.writeUInt32BE(gap.length - 4);
    pair.far.write(gap);
    await until(() => sink.gaps.length > 0);
    expect(sink.gaps).toEqual([['a']]);
    pair.far.destroy();
    await broker.close();
  });
});
