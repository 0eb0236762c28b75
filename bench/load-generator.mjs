// The clients of a benchmark run, in a process of their own. Reads one JSON job from its first argument, prints JSON lines:
// {"state":"ready"}, then, after a line on standard input, the result. Bare sockets: it looks at frame headers and at the
// stamp that publishers put in a message, nothing else, so that it costs less than any server.
import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { dialects } from './dialects.mjs';

const job = JSON.parse(process.argv[2]);
const dialect = dialects[job.dialect];
const stampBytes = 32; // '@' room(4) '.' sequence(8) '.' microseconds(16) ';'
const now = () => Number(process.hrtime.bigint() / 1000n);

const latencies = [];
let delivered = 0;
let lost = 0;
let duplicated = 0;
let reordered = 0;
let measuring = false;

class Client {
  constructor(room) {
    this.room = room;
    this.lastSequence = -1;
    this.rest = null;
    this.ready = new Promise((resolve, reject) => {
      this.resolveReady = resolve;
      this.rejectReady = reject;
    });
  }

  open() {
    this.socket = connect(job.port, '127.0.0.1');
    this.socket.setNoDelay();
    this.socket.on('error', this.rejectReady);
    this.socket.on('close', () => this.rejectReady(new Error('closed by the server')));
    this.socket.write(
      `GET ${dialect.path(this.room)} HTTP/1.1\r\nHost: 127.0.0.1:${job.port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
        `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n\r\n`,
    );
    let answer = Buffer.alloc(0);
    const shake = (chunk) => {
      answer = Buffer.concat([answer, chunk]);
      const end = answer.indexOf('\r\n\r\n');
      if (end < 0) return;
      this.socket.off('data', shake);
      if (!answer.subarray(0, 12).equals(Buffer.from('HTTP/1.1 101')))
        return this.rejectReady(new Error(answer.toString('latin1', 0, end)));
      this.socket.on('data', (bytes) => this.read(bytes));
      dialect.opened(this);
      if (answer.length > end + 4) this.read(answer.subarray(end + 4));
    };
    this.socket.on('data', shake);
    return this.ready;
  }

  read(chunk) {
    let bytes = this.rest === null ? chunk : Buffer.concat([this.rest, chunk]);
    let at = 0;
    while (bytes.length - at >= 2) {
      const short = bytes[at + 1];
      let header = 2;
      let length = short;
      if (short === 126) {
        if (bytes.length - at < 4) break;
        header = 4;
        length = bytes.readUInt16BE(at + 2);
      } else if (short === 127) {
        if (bytes.length - at < 10) break;
        header = 10;
        length = bytes.readUIntBE(at + 4, 6);
      }
      if (bytes.length - at < header + length) break;
      this.frame(bytes, bytes[at] & 0x0f, at + header, length);
      at += header + length;
    }
    this.rest = at === bytes.length ? null : bytes.subarray(at);
  }

  frame(bytes, opcode, start, length) {
    if (opcode === 9) return this.write(0x8a, bytes.subarray(start, start + length));
    if (opcode > 2) return;
    const stamp = bytes.indexOf(0x40, start);
    if (stamp < 0 || stamp + stampBytes > start + length)
      return dialect.control(this, bytes.latin1Slice(start, start + length));
    const sequence = digits(bytes, stamp + 6, 8);
    const gap = sequence - this.lastSequence;
    if (gap === 1 || this.lastSequence < 0) this.lastSequence = sequence;
    else if (gap > 1) {
      lost += gap - 1;
      this.lastSequence = sequence;
    } else if (gap === 0) duplicated++;
    else reordered++;
    delivered++;
    if (measuring) latencies.push(now() - digits(bytes, stamp + 15, 16));
  }

  // The mask is zero (RFC 6455 §5.3 asks for one, and allows any): the payload stays as it is.
  write(first, payload) {
    const length = payload.length;
    const header =
      length < 126 ? [first, 0x80 | length, 0, 0, 0, 0] : [first, 0x80 | 126, length >> 8, length & 255, 0, 0, 0, 0];
    this.socket.write(Buffer.concat([Buffer.from(header), payload]));
  }

  say(text) {
    this.write(0x81, Buffer.from(text));
  }
}

function digits(bytes, at, count) {
  let value = 0;
  for (let i = at; i < at + count; i++) value = value * 10 + bytes[i] - 48;
  return value;
}

const connectionsAtOnce = 64;
async function openAll(clients) {
  const waiting = [...clients];
  const openSome = async () => {
    for (let client = waiting.pop(); client !== undefined; client = waiting.pop()) await client.open();
  };
  await Promise.all(Array.from({ length: connectionsAtOnce }, openSome));
}

const padding = '.'.repeat(Math.max(0, job.payloadBytes - stampBytes));
const subscribers = Array.from({ length: job.rooms * job.subscribersPerRoom }, (_, i) => new Client(i % job.rooms));
const publishers = Array.from({ length: job.publish ? job.rooms : 0 }, (_, room) => new Client(room));
const sequences = publishers.map(() => 0);

function publish(room) {
  const stamp = `@${String(room).padStart(4, '0')}.${String(sequences[room]++).padStart(8, '0')}.${String(now()).padStart(16, '0')};`;
  publishers[room].say(dialect.message(stamp + padding));
}

/** Publishes at the job's rate for a while, rooms spread over each interval, and resolves when everything has arrived. */
async function run(seconds) {
  const before = delivered;
  const period = 1000 / (job.ratePerRoom * job.rooms);
  const total = Math.round(job.ratePerRoom * job.rooms * seconds);
  const begin = performance.now();
  let sent = 0;
  await new Promise((resolve) => {
    const tick = setInterval(() => {
      const due = Math.min(total, Math.floor((performance.now() - begin) / period));
      while (sent < due) publish(sent++ % job.rooms);
      if (sent === total) {
        clearInterval(tick);
        resolve();
      }
    }, 1);
  });
  const expected = before + total * job.subscribersPerRoom;
  const deadline = performance.now() + 10_000;
  while (delivered < expected && performance.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 5));
  if (delivered < expected) lost = Math.max(lost, expected - delivered);
  return { deliveries: delivered - before, seconds: (performance.now() - begin) / 1000 };
}

const say = (value) => console.log(JSON.stringify(value));
const commands = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

await openAll([...subscribers, ...publishers]);
if (job.publish) await run(job.warmUpSeconds);
say({ state: 'ready' });
await commands.next();
if (job.publish) {
  measuring = true;
  const cpuBefore = process.cpuUsage();
  const result = await run(job.seconds);
  const cpu = process.cpuUsage(cpuBefore);
  latencies.sort((a, b) => a - b);
  const quantile = (q) => latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * q))] ?? null;
  say({
    ...result,
    lost,
    duplicated,
    reordered,
    latencyMicroseconds: { p50: quantile(0.5), p99: quantile(0.99), max: quantile(1) },
    generatorCores: (cpu.user + cpu.system) / 1e6 / result.seconds,
  });
}
await commands.next();
process.exit(0);
