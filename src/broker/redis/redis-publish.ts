import { isUtf8 } from 'node:buffer';
import {
  BrokerUnavailableError,
  idempotencyMs,
  type Position,
  type Publication,
  type PublishOptions,
} from '../broker.ts';
import { encodeKept, encodePublication } from './payload-codec.ts';
import type { RedisContext } from './redis-context.ts';

/** Text up to so many bytes is handed over as a string, see `shortText`. */
const shortBytes = 1024;

/** The sending half: a plain PUBLISH, or a script where the history or an id is involved. */
export class RedisPublish {
  readonly #context: RedisContext;

  constructor(context: RedisContext) {
    this.#context = context;
  }

  /** As `Broker.publish`. Calls for one subscription reach Redis in their order as far as `commands` keeps it. */
  async publish(publication: Publication, { history, id }: PublishOptions = {}): Promise<Position | undefined> {
    const { commands, names, scripts, publishCommand } = this.#context;
    const name = publication.subscription;
    const channel = names.channelOf(name);
    const payload = history === undefined ? encodePublication(publication) : encodeKept(publication);
    if (history === undefined && id === undefined) {
      if (payload !== publication.data) await commands.publish(channel, payload);
      else await this.#publishBare(publication, channel);
      return undefined;
    }
    if (history === undefined) {
      const keys = [names.idKey(name, id ?? '')];
      const args = [publishCommand, channel, payload, idempotencyMs];
      return positionOf(await commands.run(scripts.publishOnce, keys, args, channel));
    }
    const [meta, stream] = names.historyKeys(name);
    // While a slot migrates, a cluster carries out nothing of which a key is missing: without an id no third one.
    const keys = [meta, stream, id === undefined ? meta : names.idKey(name, id)];
    const remembered = id === undefined ? 0 : idempotencyMs;
    const ttlMs = Math.ceil(history.ttl * 1_000);
    const publishedMs = publication.publishedMs ?? '';
    const args = [publishCommand, channel, payload, history.size, ttlMs, remembered, publishedMs];
    return positionOf(await commands.run(scripts.publish, keys, args, channel));
  }

  async #publishBare(publication: Publication, channel: string): Promise<void> {
    const { commands, own } = this.#context;
    own.sent(publication);
    try {
      await commands.publish(channel, shortText(publication.data) ?? publication.data);
    } catch (error) {
      own.failed(publication);
      throw error;
    }
  }
}

/**
 * A command of strings alone costs less (a microsecond of eight) than one with a Buffer in it, which ioredis puts
 * together piece by piece. undefined: the data is long, or not the same bytes as a string.
 */
function shortText(data: Buffer): string | undefined {
  return data.length <= shortBytes && isUtf8(data) ? data.toString() : undefined;
}

/** Of a reply `[offset, epoch]`; of `[0, '']`: it has none. */
function positionOf(reply: unknown): Position | undefined {
  const [offset, epoch] = Array.isArray(reply) ? (reply as readonly unknown[]) : [];
  if (typeof offset !== 'number' || !Buffer.isBuffer(epoch)) {
    throw new BrokerUnavailableError('Redis answered a publication with something unexpected', { outcome: 'unknown' });
  }
  return offset === 0 ? undefined : { epoch: epoch.toString(), offset };
}
