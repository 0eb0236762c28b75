import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Position } from '../../src/broker/broker.ts';
import { RedisHistory } from '../../src/broker/redis/redis-history.ts';
import { RedisPublish } from '../../src/broker/redis/redis-publish.ts';
import { textPublication } from '../support/broker-cluster.ts';
import { redisContext } from '../support/redis-client-commands.ts';
import { startRedis, type RedisServer } from '../support/start-redis.ts';

const history = { size: 1_000, ttl: 3_600 };

/** What a client knew when it was told its position. */
interface Told {
  readonly position: Position;
  readonly seen: readonly string[];
  /** Redis has saved what the position stands for, and has not lost it since: it must be good. */
  isSafe: boolean;
  isSaved: boolean;
}

/** A server and what it must have. */
class Model {
  readonly #server: RedisServer;
  readonly #name: string;
  readonly #publisher: RedisPublish;
  readonly #reader: RedisHistory;
  #content: readonly string[] = [];
  #saved: readonly string[] = [];
  #told: Told[] = [];
  #published = 0;

  constructor(server: RedisServer, name: string) {
    this.#server = server;
    this.#name = name;
    const context = redisContext(server.admin);
    this.#publisher = new RedisPublish(context);
    this.#reader = new RedisHistory(context);
  }

  async publish(): Promise<void> {
    const text = String(++this.#published);
    const position = await this.#publisher.publish(textPublication(this.#name, text), { history });
    this.#content = [...this.#content, text];
    this.#tell(position);
  }

  async read(): Promise<void> {
    const { position } = await this.#reader.read(this.#name, { limit: 0 });
    this.#tell(position);
  }

  async save(): Promise<void> {
    await this.#server.admin.save();
    this.#saved = this.#content;
    for (const told of this.#told) told.isSaved = true;
  }

  /** Comes back with what it saved last. */
  async restart(): Promise<void> {
    await this.#server.restart();
    this.#content = this.#saved;
    for (const told of this.#told) told.isSafe &&= told.isSaved;
  }

  /** As after a change of the primary in which nothing was lost. */
  async changePrimary(): Promise<void> {
    await this.#server.admin.debug('CHANGE-REPL-ID');
  }

  /** Whoever is not told of a loss has, with what he gets, all that there is, and nothing else. */
  async check(): Promise<void> {
    for (const { position, seen, isSafe } of this.#told) {
      const page = await this.#reader.read(this.#name, { since: position, limit: 1_000 });
      expect(page.position.offset).toBe(this.#content.length);
      if (page.lost !== undefined) {
        expect([page.lost, isSafe]).toEqual(['epoch', false]);
        continue;
      }
      expect([...seen, ...page.publications.map(({ data }) => data.toString())]).toEqual(this.#content);
    }
  }

  #tell(position: Position | undefined): void {
    if (position === undefined) throw new Error('a position is missing');
    expect(position.offset).toBe(this.#content.length);
    this.#told.push({ position, seen: this.#content, isSafe: true, isSaved: false });
  }
}

describe('any sequence of losses', () => {
  it('leaves every client with all there is, or with the word that something is missing', async () => {
    await using server = await startRedis({ args: ['--enable-debug-command', 'yes'] });
    const step = fc.constantFrom('publish', 'publish', 'publish', 'read', 'save', 'restart', 'changePrimary', 'check');
    let runs = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), async (steps) => {
        const model = new Model(server, `room ${++runs}`);
        // What an earlier run saved has none of this one.
        await model.save();
        for (const name of steps) await model[name]();
        await model.check();
        await model.publish();
        await model.publish();
        await model.check();
      }),
      { numRuns: 60 },
    );
  });
});
