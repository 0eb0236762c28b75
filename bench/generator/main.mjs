// The clients of a benchmark run, or a share of them, in a process of their own. Obeys the orders of
// ../measure/generators.mjs, one at a time, and answers each when it is done.
import { setTimeout as pause } from 'node:timers/promises';
import { Crowd } from './crowd.mjs';
import { Publishing } from './publishing.mjs';
import { kinds } from './stamp.mjs';

/** How long nothing may arrive until what is missing counts as lost, in milliseconds. */
const patienceMs = 3_000;
const progressEveryMs = 2;
/** How long those that did not read may take to read what has waited for them. */
const readOnMs = 1_500;

let crowd;
let publishing;
let stopSettling = () => {};
/** Clients besides those of the job. */
const more = [];

const orders = {
  prepare({ job }) {
    crowd = new Crowd(job);
    publishing = new Publishing(crowd);
    return { receivers: crowd.receivers.length, publishers: crowd.publishers.length };
  },
  async open({ from, to }) {
    const begin = performance.now();
    const opened = await crowd.open(from, to);
    return { opened, seconds: (performance.now() - begin) / 1000 };
  },
  async openAndDrop({ count }) {
    await crowd.openAndDrop(count);
  },
  async openMore({ count }) {
    const begin = performance.now();
    await crowd.openMore(count, (client) => more.push(client));
    return { seconds: (performance.now() - begin) / 1000 };
  },
  dropMore() {
    for (const client of more.splice(0)) client.destroy();
  },
  settle() {
    publishing.settle((stop) => (stopSettling = stop));
  },
  unheard() {
    return { unheard: crowd.unheard };
  },
  settled() {
    stopSettling();
  },
  stall() {
    crowd.stall();
    return { stalled: crowd.receivers.length - crowd.healthy.length };
  },
  /** @returns how many of those that did not read find out that the server has closed them */
  async readOn() {
    const stalled = crowd.receivers.filter(({ isStalled }) => isStalled);
    for (const client of stalled) client.readOn();
    await pause(readOnMs);
    return { stalledClosed: crowd.stalledClosed };
  },
  async publish({ kind, seconds }) {
    if (crowd.job.window !== undefined && crowd.publishers.length === 0) tellProgress();
    const ran = await publishing.run(kinds[kind], seconds);
    return { ...ran, published: publishing.published };
  },
  async drain({ published }) {
    const counts = [];
    for (const [publisher, count] of published) counts[publisher] = count;
    const expected = crowd.expected(counts);
    let last = crowd.received;
    let changedAt = performance.now();
    while (crowd.received < expected && performance.now() - changedAt < patienceMs) {
      await pause(5);
      if (crowd.received === last) continue;
      last = crowd.received;
      changedAt = performance.now();
    }
    if (crowd.received < expected) crowd.giveUp(counts);
    stopTelling();
  },
  result() {
    return {
      deliveries: crowd.measured,
      ...crowd.tally,
      latencies: crowd.latencies.toJSON(),
      problems: [...crowd.problems],
    };
  },
  usage() {
    const { user, system } = process.cpuUsage();
    const { idle, active } = performance.eventLoopUtilization();
    return { cpuSeconds: (user + system) / 1e6, idleMs: idle, activeMs: active };
  },
  othersProgress({ progress }) {
    publishing.othersProgress = progress;
  },
};

let stopTelling = () => {};
/** The publisher's process must not run ahead of this one. */
function tellProgress() {
  const timer = setInterval(() => {
    process.send({ progress: crowd.received / (crowd.receivers.length / crowd.job.rooms) });
  }, progressEveryMs);
  stopTelling = () => clearInterval(timer);
}

process.on('message', ({ id, order, ...details }) => {
  const answer = async () => orders[order](details);
  answer().then(
    (result) => process.send({ id, result: result ?? {} }),
    (error) => process.send({ id, error: error.message }),
  );
});
process.on('disconnect', () => process.exit());
