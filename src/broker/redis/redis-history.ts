import {
  BrokerUnavailableError,
  type HistoryCapability,
  type HistoryPage,
  type HistoryQuery,
  type Publication,
} from '../broker.ts';
import { decodePayload } from './payload-codec.ts';
import type { RedisContext } from './redis-context.ts';

/** A page ends early when its payloads come to this many bytes. */
const pageBytes = 1024 * 1024;

/** What `history.lua` makes epochs of. */
const epochPattern = /^[0-9a-f]{1,64}$/;

/** An epoch and the offset of the first publication that was given it. */
interface Generation {
  readonly epoch: string;
  readonly start: number;
}

/** Reads what `RedisPublish` has appended. */
export class RedisHistory implements HistoryCapability {
  readonly #context: RedisContext;

  constructor(context: RedisContext) {
    this.#context = context;
  }

  async read(name: string, { since, limit, reverse = false }: HistoryQuery): Promise<HistoryPage> {
    const { commands, names, scripts } = this.#context;
    const most = limit >= 1 ? Math.min(Math.floor(limit), Number.MAX_SAFE_INTEGER) : 0;
    // What cannot be an epoch is not sent, however long it is; an empty one would say that there is no `since`.
    const sinceEpoch = since === undefined ? '' : epochPattern.test(since.epoch) ? since.epoch : '-';
    const sinceOffset = Number.isSafeInteger(since?.offset) ? (since?.offset ?? 0) : -1;
    const args = [sinceEpoch, sinceOffset, most, reverse ? 1 : 0, pageBytes];
    const reply = await commands.run(scripts.readHistory, names.historyKeys(name), args);
    return this.#page(name, reply, since === undefined || reverse || most === 0 ? undefined : sinceOffset + 1);
  }

  /** @param begin the offset that the page begins with, where that is known */
  #page(name: string, reply: unknown, begin: number | undefined): HistoryPage {
    const [newest, text, lostText, entries] = Array.isArray(reply) ? (reply as readonly unknown[]) : [];
    if (typeof newest !== 'number' || !Buffer.isBuffer(text) || !Array.isArray(entries)) {
      throw new BrokerUnavailableError('Redis answered the reading of a history with something unexpected');
    }
    const generations = parseGenerations(text.toString());
    const position = { epoch: generations.at(-1)?.epoch ?? '', offset: newest };
    const lost = String(lostText);
    if (lost === 'trimmed' || lost === 'epoch') return { publications: [], position, lost };
    const publications: Publication[] = [];
    for (let index = 0; index + 1 < entries.length; index += 2) {
      const publication = this.#publication(name, generations, entries[index], entries[index + 1]);
      if (publication !== undefined) publications.push(publication);
    }
    const range = rangeOf(entries, begin, newest);
    if (range === undefined || publications.length === range.last - range.first + 1) return { publications, position };
    return { publications, position, range };
  }

  #publication(
    name: string,
    generations: readonly Generation[],
    offset: unknown,
    payload: unknown,
  ): Publication | undefined {
    if (typeof offset !== 'number' || !Buffer.isBuffer(payload)) return undefined;
    const decoded = decodePayload(name, payload);
    if (decoded.type === 'publication') {
      return { ...decoded.publication, position: { epoch: epochOf(generations, offset), offset } };
    }
    const problem = decoded.type === 'malformed' ? decoded.problem : `the history has a ${decoded.type}`;
    this.#context.onMalformed(name, problem);
    return undefined;
  }
}

/** What a reply covers. Where there is nothing after the place it was asked for, that goes up to the newest. */
function rangeOf(
  entries: readonly unknown[],
  begin: number | undefined,
  newest: number,
): { readonly first: number; readonly last: number } | undefined {
  if (entries.length === 0) return begin === undefined || begin > newest ? undefined : { first: begin, last: newest };
  const one = Number(entries[0]);
  const other = Number(entries.at(-2));
  return { first: Math.min(begin ?? one, one, other), last: Math.max(one, other) };
}

/** "epoch start epoch start …", oldest first. */
function parseGenerations(text: string): readonly Generation[] {
  const words = text.split(' ');
  const generations: Generation[] = [];
  for (let index = 0; index + 1 < words.length; index += 2) {
    generations.push({ epoch: words[index] ?? '', start: Number(words[index + 1]) });
  }
  return generations;
}

/** The epoch with which it was published; of what is older than we know, the oldest that is known. */
function epochOf(generations: readonly Generation[], offset: number): string {
  const generation = generations.findLast(({ start }) => start <= offset) ?? generations[0];
  return generation?.epoch ?? '';
}
