import type { HistoryPage, HistoryQuery, Position } from '../../broker/broker.ts';
import { recalled } from './chat-encoding.ts';
import { historyMessages } from './chat-protocol.ts';
import { SharedReading } from '../../lib/shared-reading.ts';
import type { FieldBytes } from './with-fields.ts';

/** Most bytes of JSON in a welcome's `history`: some clients take no message of more than 1 MiB. */
const historyBytes = 256 * 1024;

interface Recent {
  readonly epoch: string;
  /** Newest first. */
  readonly messages: readonly { readonly offset: number; readonly json: string }[];
}

/** Reads the last messages of a room for all who come into it. */
export class RecentReader {
  readonly #readPage: (query: HistoryQuery) => Promise<HistoryPage>;
  readonly #reading = new SharedReading<Recent>(() => this.#readRecent());

  constructor(readPage: (query: HistoryQuery) => Promise<HistoryPage>) {
    this.#readPage = readPage;
  }

  /**
   * `history`: the last messages up to a position, oldest first, as many as a welcome may have.
   * @param upTo from where on the client is given everything anyway
   */
  async read(upTo: Position): Promise<FieldBytes> {
    const { epoch, messages } = await this.#reading.read();
    // A history that was lost meanwhile has nothing to tell of the time before.
    const known = epoch === upTo.epoch ? messages.filter(({ offset }) => offset <= upTo.offset) : [];
    const oldestFirst = known.map(({ json }) => json).toReversed();
    return Buffer.from(`"history":[${oldestFirst.join(',')}]`);
  }

  async #readRecent(): Promise<Recent> {
    const { publications, position } = await this.#readPage({ limit: historyMessages, reverse: true });
    const messages: Recent['messages'][number][] = [];
    let bytes = 0;
    for (const publication of publications) {
      const json = recalled(publication);
      if (json === undefined || publication.position === undefined) continue;
      bytes += Buffer.byteLength(json);
      if (bytes > historyBytes) break;
      messages.push({ offset: publication.position.offset, json });
    }
    return { epoch: position.epoch, messages };
  }
}
