import { once } from 'node:events';
import { Duplex } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { Publication } from '../../../../src/broker/broker.ts';
import { IpcSwitch } from '../../../../src/broker/ipc/ipc-switch.ts';
import { participant, settled, textPublication } from '../../../support/broker-cluster.ts';
import { historyOf, keep } from '../../../support/broker-history.ts';
import { IpcCluster } from '../../../support/ipc-cluster.ts';
import { RecordingSink } from '../../../support/recording-sink.ts';
import { until } from '../../../support/until.ts';

const room = '/websocket/chat';
const mebibyte = 1024 * 1024;

function bigPublication(fill: number): Publication {
  return { subscription: room, data: Buffer.alloc(mebibyte, fill), kind: 'binary', exclude: [] };
}

const magic = Buffer.from([0, 0, 0, 6, 1, 0x43, 0x52, 0x4c, 0x4e, 3]);
const subscribeToA = Buffer.from([0, 0, 0, 6, 3, 0, 0, 0, 1, 0x61]);
const accepted = Buffer.from([0, 0, 0, 5, 8, 0, 0, 0, 1]);

/** A record with a publication to the subscription `a`. */
function publicationToA(bytes: number, fill: number): Buffer {
  const header = Buffer.from([0, 0, 0, 0, 2, 0, 0, 0, 1, 0x61]);
  header.writeUInt32BE(header.length - 4 + bytes);
  return Buffer.concat([header, Buffer.alloc(bytes, fill)]);
}

/** The switch's end of a pipe whose other end takes one write at a time, when the test says so. */
class HandFedPipe extends Duplex {
  readonly taken: Buffer[] = [];
  #waiting: (() => void) | undefined;

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.taken.push(chunk);
    this.#waiting = done;
  }

  /** Takes the present write; the next one, if any, is there when this returns. */
  takeWrite(): void {
    const done = this.#waiting;
    this.#waiting = undefined;
    done?.();
  }
}

async function turn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  await new Promise((resolve) => setImmediate(resolve));
}

describe('IpcSwitch', () => {
  it('removes the members of a worker that was killed, and tells the others', async () => {
    await using cluster = new IpcCluster();
    const staying = await participant(cluster);
    const { broker: killed, pipe } = await cluster.joinWithPipe();
    await killed.start(new RecordingSink());
    await staying.broker.subscribe([room]);
    await killed.subscribe([room, 'another']);
    await killed.presence.enter(room, { connectionId: 'a', info: '1' });
    await killed.presence.enter('another', { connectionId: 'a' });

    pipe.resetAndDestroy();
    await until(() => staying.sink.events.length === 2);
    expect(staying.sink.events.at(-1)).toEqual({
      subscription: room,
      type: 'leave',
      member: { connectionId: 'a', info: '1' },
    });
    expect(cluster.switch.stats).toMatchObject({ workers: 1, subscriptions: 1, members: 0, malformed: 0 });
    await staying.broker.publish(textPublication(room, 'life goes on'));
    await settled([staying]);
    expect(staying.sink.texts(room)).toEqual(['life goes on']);
  });

  it('passes on what came in one turn in one write for each worker, answers included', async () => {
    await using cluster = new IpcCluster();
    const [publisher, subscriber] = [new HandFedPipe(), new HandFedPipe()];
    for (const pipe of [publisher, subscriber]) {
      cluster.switch.attach(pipe);
      pipe.push(Buffer.concat([magic, subscribeToA]));
      await turn();
      // The greeting, and the answer.
      for (let written = 0; written < 2; written++) pipe.takeWrite();
      pipe.taken.length = 0;
    }

    const record = publicationToA(100, 1);
    for (let chunk = 0; chunk < 5; chunk++) publisher.push(Buffer.concat(Array.from({ length: 20 }, () => record)));
    await turn();

    const records = Buffer.concat(Array.from({ length: 100 }, () => record));
    const acceptedAll = Buffer.from([0, 0, 0, 5, 8, 0, 0, 0, 100]);
    expect(subscriber.taken).toEqual([records]);
    expect(publisher.taken).toEqual([Buffer.concat([records, acceptedAll])]);
  });

  it('holds a bounded backlog for a worker that does not read, and tells it of the gap', async () => {
    await using cluster = new IpcCluster({ backlogBytes: 4 * mebibyte });
    const publisher = await participant(cluster);
    await publisher.broker.subscribe([room]);
    const { broker: stuck, pipe } = await cluster.joinWithPipe();
    const sink = new RecordingSink();
    await stuck.start(sink);
    await stuck.subscribe([room, 'another']);
    await stuck.presence.enter('another', { connectionId: 'a' });

    pipe.pause();
    let published = 0;
    while (cluster.switch.stats.missed === 0) {
      expect(published).toBeLessThan(100);
      await publisher.broker.publish(bigPublication(published++));
      expect(cluster.switch.stats.backlogBytes).toBeLessThan(6 * mebibyte);
    }
    for (let more = 0; more < 3; more++) await publisher.broker.publish(bigPublication(published++));
    expect(cluster.switch.stats.missed).toBe(4);
    expect(sink.gaps).toEqual([]);

    pipe.resume();
    await until(() => sink.gaps.length === 1);
    expect(sink.gaps).toEqual([[room]]);
    const before = sink.publications.length;
    expect(before).toBe(published - 4);
    expect(sink.publications.map(({ data }) => data[0])).toEqual(Array.from({ length: before }, (_, index) => index));
    expect(cluster.switch.stats).toMatchObject({ missed: 4, gaps: 1 });
    expect(stuck.stats.gaps).toBe(1);

    await publisher.broker.publish(textPublication(room, 'after'));
    await settled([publisher, { broker: stuck, sink }]);
    expect(sink.publications[before]?.data.toString()).toBe('after');
    // Nobody else missed anything.
    expect(publisher.sink.publications.filter(({ subscription }) => subscription === room)).toHaveLength(published + 1);
  });

  it('makes a hole and not a sieve: once something was missed, so is everything until the worker has caught up', async () => {
    const ipcSwitch = new IpcSwitch({ backlogBytes: 100_000 });
    const behind = new HandFedPipe();
    const publisher = new HandFedPipe();
    ipcSwitch.attach(behind);
    ipcSwitch.attach(publisher);
    behind.push(Buffer.concat([magic, subscribeToA]));
    publisher.push(magic);
    await turn();
    behind.takeWrite();
    await turn();

    publisher.push(Buffer.concat([publicationToA(60_000, 1), publicationToA(60_000, 2), publicationToA(60_000, 3)]));
    await turn();
    expect(ipcSwitch.stats.missed).toBe(1);
    // Half of it is taken: there would be room for this one, but there is a hole before it.
    for (let writes = 0; writes < 3; writes++) behind.takeWrite();
    expect(ipcSwitch.stats.backlogBytes).toBeLessThan(100_000);
    publisher.push(publicationToA(10, 4));
    await turn();
    expect(ipcSwitch.stats).toMatchObject({ missed: 2, gaps: 0 });

    for (let writes = 0; writes < 10; writes++) {
      behind.takeWrite();
      await turn();
    }
    expect(ipcSwitch.stats).toMatchObject({ missed: 2, gaps: 1, backlogBytes: expect.any(Number) });
    publisher.push(publicationToA(10, 5));
    await turn();
    const gap = Buffer.from([0, 0, 0, 6, 10, 0, 0, 0, 1, 0x61]);
    const all = Buffer.concat(behind.taken);
    const expected = [
      magic,
      accepted,
      publicationToA(60_000, 1),
      publicationToA(60_000, 2),
      gap,
      publicationToA(10, 5),
    ];
    expect(all.equals(Buffer.concat(expected))).toBe(true);
    ipcSwitch.close();
  });

  it('answers what came together with the end of the pipe', async () => {
    const ipcSwitch = new IpcSwitch();
    const pipe = new HandFedPipe();
    ipcSwitch.attach(pipe);
    pipe.takeWrite();
    pipe.push(Buffer.concat([magic, subscribeToA]));
    pipe.push(null);
    for (let writes = 0; writes < 5; writes++) {
      await turn();
      pipe.takeWrite();
    }
    expect(Buffer.concat(pipe.taken)).toEqual(Buffer.concat([magic, accepted]));
    expect(ipcSwitch.stats).toMatchObject({ workers: 0, subscriptions: 0, malformed: 0 });
  });

  it('tells of a gap only where the worker is still subscribed', async () => {
    await using cluster = new IpcCluster({ backlogBytes: mebibyte });
    const publisher = await participant(cluster);
    const { broker: stuck, pipe } = await cluster.joinWithPipe();
    const sink = new RecordingSink();
    await stuck.start(sink);
    await stuck.subscribe([room]);
    pipe.pause();
    while (cluster.switch.stats.missed === 0) await publisher.broker.publish(bigPublication(0));

    const left = stuck.unsubscribe([room]);
    pipe.resume();
    await left;
    await settled([publisher, { broker: stuck, sink }]);
    expect(sink.gaps).toEqual([]);
  });

  it('stops listening to a worker that asks on and on and reads no answer', async () => {
    await using cluster = new IpcCluster({ backlogBytes: mebibyte });
    const { broker, pipe } = await cluster.joinWithPipe();
    await broker.start(new RecordingSink());
    for (let index = 0; index < 200; index++) {
      await broker.presence.enter(room, { connectionId: `c${index}`, info: 'x'.repeat(10_000) });
    }
    pipe.pause();
    const pages: Promise<unknown>[] = [];
    for (let round = 0; round < 100; round++) {
      pages.push(broker.presence.members(room, 100));
      await new Promise((resolve) => setImmediate(resolve));
      expect(cluster.switch.stats.backlogBytes).toBeLessThan(4 * mebibyte);
    }
    pipe.resume();
    await Promise.all(pages);
  });

  it('carries out no more requests of one chunk than its cap allows answers for, and the rest when these are read', async () => {
    await using cluster = new IpcCluster({ backlogBytes: mebibyte });
    const { broker, pipe } = await cluster.joinWithPipe();
    const sink = new RecordingSink();
    await broker.start(sink);
    await broker.subscribe([room]);
    for (let index = 0; index < 100; index++) {
      await broker.presence.enter(room, { connectionId: `c${index}`, info: 'x'.repeat(1_000) });
    }
    pipe.pause();
    const pages = Array.from({ length: 400 }, () => broker.presence.members(room, 100));
    const published = broker.publish(textPublication(room, 'after'));
    await until(() => cluster.switch.stats.backlogBytes >= mebibyte);
    for (let turns = 0; turns < 10; turns++) {
      expect(cluster.switch.stats.backlogBytes).toBeLessThan(1.2 * mebibyte);
      await turn();
    }
    pipe.resume();
    for (const { members } of await Promise.all(pages)) expect(members).toHaveLength(100);
    await published;
    await settled([{ broker, sink }]);
    expect(sink.texts(room)).toEqual(['after']);
    expect(cluster.switch.stats).toMatchObject({ missed: 0, malformed: 0 });
  });

  it('finds what is malformed also in what it had held back', async () => {
    const ipcSwitch = new IpcSwitch({ backlogBytes: 12 });
    const pipe = new HandFedPipe();
    ipcSwitch.attach(pipe);
    pipe.takeWrite();
    const unknown = Buffer.from([0, 0, 0, 1, 99]);
    pipe.push(Buffer.concat([magic, subscribeToA, subscribeToA, unknown]));
    await turn();
    expect(ipcSwitch.stats).toMatchObject({ workers: 1, malformed: 0 });
    pipe.takeWrite();
    await turn();
    expect(ipcSwitch.stats).toMatchObject({ workers: 0, malformed: 1 });
  });

  it('ends a pipe that does not begin with magic and version, and counts it', async () => {
    await using cluster = new IpcCluster();
    const beginnings = [
      'GET / HTTP/1.1\r\n\r\n',
      Buffer.from([0, 0, 0, 6, 1, 0x43, 0x52, 0x4c, 0x4e, 4]),
      Buffer.from([0, 0, 0, 5, 2, 0, 0, 0, 0]),
    ];
    for (const beginning of beginnings) {
      const pipe = await cluster.pipe();
      pipe.resume();
      pipe.write(beginning);
      await once(pipe, 'close');
    }
    expect(cluster.switch.stats).toMatchObject({ workers: 0, malformed: 3 });
  });

  it('passes on what a publication holds without looking at it', async () => {
    await using cluster = new IpcCluster();
    const publication = Buffer.from([0, 0, 0, 9, 2, 0, 0, 0, 1, 0x61, 0xff, 0xff, 0xff]);
    const pipe = await cluster.pipe();
    const received: Buffer[] = [];
    pipe.on('data', (chunk: Buffer) => received.push(chunk));
    pipe.write(Buffer.concat([magic, subscribeToA, publication]));
    const expected = Buffer.concat([magic, accepted, publication, accepted]);
    await until(() => Buffer.concat(received).length >= expected.length);
    expect(Buffer.concat(received)).toEqual(expected);
  });

  it('counts', async () => {
    await using cluster = new IpcCluster();
    const all = [await participant(cluster), await participant(cluster)];
    for (const { broker } of all) await broker.subscribe([room]);
    await all[0]?.broker.presence?.enter(room, { connectionId: 'a' });
    await all[0]?.broker.publish(textPublication(room, 'hello'));
    await all[0]?.broker.publish(textPublication('nobody', 'hello'));
    expect(cluster.switch.stats).toMatchObject({
      workers: 2,
      subscriptions: 1,
      members: 1,
      publications: 2,
      forwarded: 4,
      missed: 0,
      gaps: 0,
      malformed: 0,
      historyNames: 0,
      historyEntries: 0,
      historyBytes: 0,
      recentIds: 0,
      evicted: 0,
    });
  });

  it('counts what it keeps, and gives up what is over its cap', async () => {
    await using cluster = new IpcCluster({ historyBytes: 100_000 });
    const one = await participant(cluster);
    for (let index = 0; index < 50; index++) await keep(one, room, 'x'.repeat(10_000), {}, `${index}`);
    const { stats } = cluster.switch;
    expect(stats).toMatchObject({ publications: 50, historyNames: 1, recentIds: 50 });
    expect(stats.historyEntries).toBeGreaterThan(5);
    expect(stats.historyEntries + stats.evicted).toBe(50);
    expect(stats.historyBytes).toBeLessThanOrEqual(100_000);
    expect(stats.historyBytes).toBeGreaterThan(stats.historyEntries * 10_000);
    const page = await historyOf(one).read(room, { limit: 100 });
    expect(page.publications).toHaveLength(stats.historyEntries);
    expect(page.position.offset).toBe(50);
  });

  it('has kept what a worker that was killed had published', async () => {
    await using cluster = new IpcCluster();
    const staying = await participant(cluster);
    const { broker: killed, pipe } = await cluster.joinWithPipe();
    await killed.start(new RecordingSink());
    const first = await keep({ broker: killed }, room, 'first');
    pipe.resetAndDestroy();
    await until(() => cluster.switch.stats.workers === 1);
    const page = await historyOf(staying).read(room, { limit: 10 });
    expect(page.publications.map(({ data }) => data.toString())).toEqual(['first']);
    expect(await keep(staying, room, 'second')).toEqual({ epoch: first.epoch, offset: 2 });
  });

  it('keeps what a worker missed that was behind, so that it can read it after the gap', async () => {
    await using cluster = new IpcCluster({ backlogBytes: mebibyte });
    const publisher = await participant(cluster);
    const { broker: stuck, pipe } = await cluster.joinWithPipe();
    const sink = new RecordingSink();
    await stuck.start(sink);
    await stuck.subscribe([room]);
    pipe.pause();
    const text = 'x'.repeat(256 * 1024);
    while (cluster.switch.stats.missed < 4) await keep(publisher, room, text);
    pipe.resume();
    await until(() => sink.gaps.length === 1);
    const since = sink.publications.at(-1)?.position;
    if (since === undefined) throw new Error('something was delivered before the gap');
    const page = await historyOf({ broker: stuck }).read(room, { since, limit: 2 });
    expect(page.lost).toBeUndefined();
    expect(page.position.offset).toBe(since.offset + 4);
    expect(page.publications.map(({ position }) => position?.offset)).toEqual([since.offset + 1, since.offset + 2]);
  });

  it('stops listening to a worker that reads history on and on and takes no page', async () => {
    await using cluster = new IpcCluster({ backlogBytes: mebibyte });
    const { broker, pipe } = await cluster.joinWithPipe();
    await broker.start(new RecordingSink());
    for (let index = 0; index < 4; index++) await keep({ broker }, room, 'x'.repeat(400 * 1024));
    pipe.pause();
    const pages = Array.from({ length: 40 }, () => broker.history.read(room, { limit: 100 }));
    await until(() => cluster.switch.stats.backlogBytes >= mebibyte);
    for (let turns = 0; turns < 20; turns++) {
      expect(cluster.switch.stats.backlogBytes).toBeLessThan(4 * mebibyte);
      await turn();
    }
    pipe.resume();
    for (const { publications } of await Promise.all(pages)) expect(publications).toHaveLength(3);
  });
});
