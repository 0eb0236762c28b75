// The clients of this process: opens them, knows who publishes and who receives, counts what arrives.
import { Client } from './client.mjs';
import { clockSince } from './clock.mjs';
import { dialects } from './dialects.mjs';
import { inflated } from './inflated.mjs';
import { Latencies } from './latencies.mjs';
import { Ledger } from './ledger.mjs';
import { findStamp, kinds, stampKind, stampMicroseconds, stampPublisher, stampSequence } from './stamp.mjs';

const opensAtOnce = 64;

export class Crowd {
  job;
  dialect;
  now;
  receivers = [];
  publishers = [];
  latencies = new Latencies();
  /** Messages of the warm-up and the measurement that arrived at clients that are not stalled. */
  received = 0;
  measured = 0;
  unheard = 0;
  stalledClosed = 0;
  problems = new Set();
  /** Called after every read. */
  onProgress = () => {};
  #ledger;
  #events;
  #arrivedAt = 0;

  /** @param job see README.md; this process is number `job.index` of `job.generators` */
  constructor(job) {
    this.job = job;
    this.dialect = dialects[job.dialect];
    this.now = clockSince(job.since);
    this.#events = {
      beforeFrames: () => (this.#arrivedAt = this.now()),
      afterFrames: () => this.onProgress(),
      onMessage: (client, bytes, start, end) => this.#message(client, bytes, start, end),
      onCompressed: (client, bytes, start, end) => {
        const message = inflated(bytes, start, end);
        this.#message(client, message, 0, message.length);
      },
      onClosed: (client, reason) => this.#closed(client, reason),
    };
    const total = job.rooms * job.subscribersPerRoom;
    const role = job.publishing === 'each' ? 'both' : 'subscriber';
    for (let i = 0; i < total; i++) {
      const seat = Math.floor(i / job.rooms);
      if (seat % job.generators !== job.index) continue;
      const port = job.ports[Math.floor(seat / job.generators) % job.ports.length];
      const place = { room: i % job.rooms, index: this.receivers.length, role, port, offersDeflate: job.deflate };
      const client = new Client(place, this.dialect, this.#events);
      client.seat = seat;
      client.publisher = i;
      client.willStall = job.stalledShare > 0 && seat % Math.round(1 / job.stalledShare) === 1;
      this.receivers.push(client);
    }
    if (job.publishing === 'each') this.publishers = this.receivers;
    if (job.publishing === 'one-per-room' && job.index === 0) {
      for (let room = 0; room < job.rooms; room++) {
        const port = job.ports[room % job.ports.length];
        const client = new Client(
          { room, index: -1, role: 'publisher', port, offersDeflate: false },
          this.dialect,
          this.#events,
        );
        client.seat = 0;
        client.publisher = room;
        this.publishers.push(client);
      }
    }
    this.unheard = this.receivers.length;
    this.#ledger = new Ledger(this.receivers.length, this.publishersPerRoom);
  }

  get publishersPerRoom() {
    return this.job.publishing === 'each' ? this.job.subscribersPerRoom : 1;
  }

  get tally() {
    return this.#ledger.tally;
  }

  get healthy() {
    return this.receivers.filter(({ isStalled }) => !isStalled);
  }

  /** Opens the clients between two shares of all, 0 to 1. */
  async open(from, to) {
    const everybody = new Set([...this.receivers, ...this.publishers]);
    const waiting = [...everybody]
      .slice(Math.round(from * everybody.size), Math.round(to * everybody.size))
      .toReversed();
    const opened = waiting.length;
    const openSome = async () => {
      for (let client = waiting.pop(); client !== undefined; client = waiting.pop()) await client.open();
    };
    await Promise.all(Array.from({ length: opensAtOnce }, openSome));
    return opened;
  }

  /** Opens so many more connections and drops them again. */
  async openAndDrop(count) {
    await this.openMore(count, (client) => client.destroy());
  }

  /** Opens so many more connections, 64 at a time. @param onOpened has the client from then on */
  async openMore(count, onOpened) {
    const { role, port } = this.receivers[0];
    const left = { count };
    const openSome = async () => {
      while (left.count-- > 0) {
        const place = { room: left.count % this.job.rooms, index: -1, role, port, offersDeflate: false };
        const client = new Client(place, this.dialect, this.#events);
        await client.open();
        onOpened(client);
      }
    };
    await Promise.all(Array.from({ length: opensAtOnce }, openSome));
  }

  stall() {
    for (const client of this.receivers) if (client.willStall) client.stall();
  }

  /** @param published per publisher: how many messages every receiver must have got by now */
  expected(published) {
    let sum = 0;
    for (const client of this.receivers) {
      if (client.isStalled) continue;
      for (const { publisher } of this.#publishersFor(client)) sum += published[publisher];
    }
    return sum;
  }

  giveUp(published) {
    for (const client of this.receivers) {
      if (client.isStalled) continue;
      for (const { slot, publisher } of this.#publishersFor(client))
        this.#ledger.giveUp(client.index, slot, published[publisher]);
    }
  }

  /** Slot and number of everybody whose messages this client is sent. */
  *#publishersFor(client) {
    const { rooms } = this.job;
    for (let slot = 0; slot < this.publishersPerRoom; slot++) {
      const publisher = slot * rooms + client.room;
      if (publisher === client.publisher && this.job.publishing === 'each' && !this.dialect.echoes) continue;
      yield { slot, publisher };
    }
  }

  #message(client, bytes, start, end) {
    const at = findStamp(bytes, start, end);
    if (at < 0) {
      this.dialect.control(client, bytes.latin1Slice(start, end));
      return;
    }
    // A publisher that gets what is said in its room is not there to receive.
    if (client.index < 0) return;
    const kind = stampKind(bytes, at);
    if (kind === kinds.settle) {
      if (!client.hasHeard) {
        client.hasHeard = true;
        this.unheard--;
      }
      return;
    }
    const publisher = stampPublisher(bytes, at);
    if (publisher % this.job.rooms !== client.room) {
      this.problems.add(`a message of room ${publisher % this.job.rooms} arrived in room ${client.room}`);
      return;
    }
    if (client.isStalled) return;
    this.#ledger.received(client.index, Math.floor(publisher / this.job.rooms), stampSequence(bytes, at));
    this.received++;
    if (kind !== kinds.measured) return;
    this.measured++;
    this.latencies.add(this.#arrivedAt - stampMicroseconds(bytes, at));
  }

  #closed(client, reason) {
    if (client.isStalled) this.stalledClosed++;
    else this.problems.add(`a client was ${reason}`);
  }
}
