import type { Publication } from '../../broker/broker.ts';
import type { Message } from '../../gateway/encoding.ts';
import { readBatch, type LineBatch } from './line-batch.ts';
import type { LinesMessage, LogViewServerMessage } from './log-view-protocol.ts';

/** How lines look to the two kinds of clients. */
export type LineFormat = 'plain' | 'json';

interface Rendered {
  readonly batch: LineBatch | undefined;
  plain?: Message | undefined;
  json?: Message | undefined;
}

/** Publications of lines as messages; each is read once, and written once per format, however many viewers there are. */
export class LineMessages {
  readonly #rendered = new WeakMap<Publication, Rendered>();

  /** undefined: no follower of logs published this. */
  batch(publication: Publication): LineBatch | undefined {
    return this.#of(publication).batch;
  }

  /** The whole publication. undefined: it is nothing to show. */
  whole(log: string, publication: Publication, format: LineFormat): Message | undefined {
    const rendered = this.#of(publication);
    if (!Object.hasOwn(rendered, format)) {
      rendered[format] =
        rendered.batch === undefined
          ? renderForeign(log, publication, format)
          : renderLines(log, rendered.batch, format, placeOf(publication));
    }
    return rendered[format];
  }

  #of(publication: Publication): Rendered {
    let rendered = this.#rendered.get(publication);
    if (rendered === undefined) {
      rendered = { batch: readBatch(publication) };
      this.#rendered.set(publication, rendered);
    }
    return rendered;
  }
}

export function renderLines(
  log: string,
  { node, file, lines }: Pick<LineBatch, 'node' | 'file' | 'lines'>,
  format: LineFormat,
  from: Pick<LinesMessage, 'backlog' | 'position'>,
): Message {
  if (format === 'plain') return { data: lines.map((line) => `${node}: ${line}`).join('\n'), kind: 'text' };
  const message: LinesMessage = { type: 'lines', log, node, file, lines, ...from };
  return jsonMessage(message);
}

/** What a message with a publication's lines says of its place. */
export function placeOf({ position }: Publication): Pick<LinesMessage, 'position'> {
  return position === undefined ? {} : { position };
}

export function jsonMessage(message: LogViewServerMessage): Message {
  return { data: JSON.stringify(message), kind: 'text' };
}

/** What another program published to a log's subscription. It has no node, and where it is binary it is no line. */
function renderForeign(log: string, publication: Publication, format: LineFormat): Message | undefined {
  if (publication.kind === 'binary') return undefined;
  if (format === 'plain') return publication;
  const lines = publication.data.toString().split('\n');
  return jsonMessage({ type: 'lines', log, node: null, file: null, lines, ...placeOf(publication) });
}
