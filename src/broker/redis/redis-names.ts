import { reservedPrefix } from '../broker.ts';
import { defaultRedisOptions, type RedisOptions } from './redis-options.ts';
import { slotOf } from './redis-slot.ts';

/**
 * Makes every channel and every key there is in Redis. A key is `keyPrefix{tag}:kind:channel`; the tag is chosen so
 * that the key lies in the slot of the channel, since scripts publish to the channel as they write the keys.
 * `docs/redis-format.md` specifies both.
 */
export class RedisNames {
  readonly #channelPrefix: string;
  readonly #keyPrefix: string;
  /** What the channels of reserved names begin with. */
  readonly #reserved: string;
  /** Slot → the smallest decimal number that lies in it, as far as numbers have been tried. */
  readonly #numbers = new Map<number, string>();
  #tried = 0;

  constructor({ channelPrefix, keyPrefix }: Pick<RedisOptions, 'channelPrefix' | 'keyPrefix'>) {
    if (/[{}]/.test(keyPrefix)) {
      throw new RangeError(`keyPrefix ${JSON.stringify(keyPrefix)} has a brace; braces say where the hash tag is`);
    }
    this.#channelPrefix = channelPrefix;
    this.#keyPrefix = keyPrefix;
    // Always behind `carillon:`, which no app's name begins with: whatever the prefix, nobody can address them.
    const ownPart = keyPrefix === defaultRedisOptions.keyPrefix ? '' : keyPrefix;
    this.#reserved = channelPrefix + reservedPrefix + ownPart;
  }

  /** The channel of a subscription. */
  channelOf(name: string): string {
    if (name.startsWith(reservedPrefix)) return this.#reserved + name.slice(reservedPrefix.length);
    return this.#channelPrefix + name;
  }

  /** KEYS of `read-history`: meta, stream. */
  historyKeys(name: string): [meta: string, stream: string] {
    const channel = this.channelOf(name);
    const tagged = this.#tagged(channel);
    return [`${tagged}:meta:${channel}`, `${tagged}:stream:${channel}`];
  }

  /** What is remembered of one publication's id. The length keeps apart `a:b` + `c` and `a` + `b:c`. */
  idKey(name: string, id: string): string {
    const channel = this.channelOf(name);
    return `${this.#tagged(channel)}:id:${Buffer.byteLength(id)}:${id}:${channel}`;
  }

  /** KEYS of the presence scripts: members, joins, expiries. All of them are there or none is. */
  presenceKeys(name: string): [members: string, joins: string, expiries: string] {
    const channel = this.channelOf(name);
    const tagged = this.#tagged(channel);
    return [`${tagged}:members:${channel}`, `${tagged}:joins:${channel}`, `${tagged}:expiries:${channel}`];
  }

  /**
   * Where a broker's probe goes.
   * @param tag hash tag of both
   * @param id of the broker
   */
  probePlace(tag: string, id: string): { channel: string; key: string } {
    return {
      channel: this.channelOf(`${reservedPrefix}probe:{${tag}}:${id}`),
      key: `${this.#keyPrefix}{${tag}}:probe:${id}`,
    };
  }

  #tagged(channel: string): string {
    return `${this.#keyPrefix}{${this.#tagOf(channel)}}`;
  }

  #tagOf(channel: string): string {
    const opening = channel.indexOf('{');
    if (opening !== -1) {
      const closing = channel.indexOf('}', opening + 1);
      if (closing > opening + 1) return channel.slice(opening + 1, closing);
    }
    // An empty tag is none.
    if (channel !== '' && !channel.includes('}')) return channel;
    return this.#numberIn(slotOf(channel));
  }

  #numberIn(slot: number): string {
    for (;;) {
      const number = this.#numbers.get(slot);
      if (number !== undefined) return number;
      const next = String(this.#tried++);
      const reached = slotOf(next);
      if (!this.#numbers.has(reached)) this.#numbers.set(reached, next);
    }
  }
}
