import {
  BrokerUnavailableError,
  idempotencyMs,
  type HistoryRule,
  type Position,
  type Publication,
  type PublishOptions,
} from '../broker.ts';
import { encodePublication } from './payload-codec.ts';
import type { RedisContext } from './redis-context.ts';

/** The sending half: a plain PUBLISH, or a script where the history or an id is involved. */
export class RedisPublish {
  readonly #context: RedisContext;

  constructor(context: RedisContext) {
    this.#context = context;
  }

  /** As `Broker.publish`. Calls for one subscription reach Redis in their order as far as `commands` keeps it. */
  async publish(publication: Publication, { history, id }: PublishOptions = {}): Promise<Position | undefined> {
    const payload = encodePublication(publication);
    if (history !== undefined) return this.#append(publication.subscription, payload, history, id);
    const { commands, names, scripts, publishCommand } = this.#context;
    const channel = names.channelOf(publication.subscription);
    if (id === undefined) {
      await commands.publish(channel, payload);
      return undefined;
    }
    const keys = [names.idKey(publication.subscription, id)];
    const args = [publishCommand, channel, payload, idempotencyMs];
    return positionOf(await commands.run(scripts.publishOnce, keys, args, channel));
  }

  async #append(
    name: string,
    payload: Buffer,
    { size, ttl }: HistoryRule,
    id: string | undefined,
  ): Promise<Position | undefined> {
    const { commands, names, scripts, publishCommand } = this.#context;
    const [meta, stream] = names.historyKeys(name);
    // While a slot migrates, a cluster carries out nothing of which a key is missing: without an id no third one.
    const keys = [meta, stream, id === undefined ? meta : names.idKey(name, id)];
    const remembered = id === undefined ? 0 : idempotencyMs;
    const ttlMs = Math.ceil(ttl * 1_000);
    const channel = names.channelOf(name);
    const args = [publishCommand, channel, payload, size, ttlMs, remembered];
    return positionOf(await commands.run(scripts.publish, keys, args, channel));
  }
}

/** Of a reply `[offset, epoch]`; of `[0, '']`: it has none. */
function positionOf(reply: unknown): Position | undefined {
  const [offset, epoch] = Array.isArray(reply) ? (reply as readonly unknown[]) : [];
  if (typeof offset !== 'number' || !Buffer.isBuffer(epoch)) {
    throw new BrokerUnavailableError('Redis answered a publication with something unexpected', { outcome: 'unknown' });
  }
  return offset === 0 ? undefined : { epoch: epoch.toString(), offset };
}
