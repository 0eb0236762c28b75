// The generator processes of one run, as seen from the process that measures.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { monotonicMicroseconds } from '../generator/clock.mjs';

const settleDeadlineMs = 30_000;
const mainFile = new URL('../generator/main.mjs', import.meta.url);

class Generator {
  #child = fork(mainFile);
  #orders = new Map();
  #nextId = 0;
  onProgress = () => {};

  constructor() {
    this.#child.on('message', ({ id, result, error, progress }) => {
      if (progress !== undefined) {
        this.onProgress(progress);
        return;
      }
      const order = this.#orders.get(id);
      this.#orders.delete(id);
      if (error === undefined) order.resolve(result);
      else order.reject(new Error(error));
    });
    this.#child.on('exit', (code, signal) => {
      for (const { reject } of this.#orders.values())
        reject(new Error(`the load generator ended with ${signal ?? code}`));
    });
  }

  order(order, details = {}) {
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#orders.set(id, { resolve, reject });
      this.#child.send({ id, order, ...details });
    });
  }

  async stop() {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await ended;
  }
}

export class Generators {
  #all;

  /** @param job what every one of them is told; see README.md */
  static async start(count, job) {
    const generators = new Generators(count);
    const since = monotonicMicroseconds();
    try {
      for (const [index, generator] of generators.#all.entries())
        await generator.order('prepare', { job: { ...job, index, generators: count, since } });
    } catch (error) {
      await generators[Symbol.asyncDispose]();
      throw error;
    }
    return generators;
  }

  constructor(count) {
    this.#all = Array.from({ length: count }, () => new Generator());
    const others = this.#all.slice(1);
    const progress = others.map(() => 0);
    for (const [i, generator] of others.entries()) {
      generator.onProgress = (value) => {
        progress[i] = value;
        void this.#all[0].order('othersProgress', { progress: Math.min(...progress) });
      };
    }
  }

  #everybody(order, details) {
    return Promise.all(this.#all.map((generator) => generator.order(order, details)));
  }

  /** @returns how many connections were opened, and the seconds it took */
  async open(from = 0, to = 1) {
    const opened = await this.#everybody('open', { from, to });
    return {
      opened: opened.reduce((sum, { opened }) => sum + opened, 0),
      seconds: Math.max(...opened.map(({ seconds }) => seconds)),
    };
  }

  async openAndDrop(count) {
    await this.#all[0].order('openAndDrop', { count });
  }

  /** Besides those of the job, until `dropMore`. @returns the seconds it took */
  async openMore(count) {
    return await this.#all[0].order('openMore', { count });
  }

  async dropMore() {
    await this.#all[0].order('dropMore');
  }

  /** Resolves when every subscriber has received something. */
  async settle() {
    await this.#everybody('settle');
    const deadline = performance.now() + settleDeadlineMs;
    for (;;) {
      const unheard = (await this.#everybody('unheard')).reduce((sum, each) => sum + each.unheard, 0);
      if (unheard === 0) break;
      if (performance.now() > deadline) throw new Error(`${unheard} subscribers hear nothing`);
      await pause(50);
    }
    await this.#everybody('settled');
  }

  async stall() {
    return (await this.#everybody('stall')).reduce((sum, { stalled }) => sum + stalled, 0);
  }

  /** Those that did not read do now; @returns how many of them the server has closed */
  async readOn() {
    return (await this.#everybody('readOn')).reduce((sum, { stalledClosed }) => sum + stalledClosed, 0);
  }

  /** Publishes for so long, and waits until everything has arrived or nothing comes any more. */
  async publish(kind, seconds) {
    const begin = performance.now();
    const ran = await this.#everybody('publish', { kind, seconds });
    await this.#everybody('drain', { published: ran.flatMap(({ published }) => published) });
    return {
      publications: ran.reduce((sum, { publications }) => sum + publications, 0),
      publishingSeconds: Math.max(...ran.map(({ seconds }) => seconds)),
      seconds: (performance.now() - begin) / 1000,
      lateMs: Math.max(...ran.map(({ lateMs }) => lateMs)),
    };
  }

  results() {
    return this.#everybody('result');
  }

  usage() {
    return this.#everybody('usage');
  }

  async [Symbol.asyncDispose]() {
    await Promise.all(this.#all.map((generator) => generator.stop()));
  }
}
