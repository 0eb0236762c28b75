import { lineLengths, withoutFirst, type LineBatch } from './line-batch.ts';
import { lineText } from './line-splitter.ts';
import type { FileBacklog } from './read-backlog.ts';

/** Files that one viewer's seam keeps track of; beyond, the first are forgotten. */
const mostPlaces = 1_024;

/** What is known of the backlog of a file while lines that come live are joined to it. */
type KnownBacklog = Pick<FileBacklog, 'end' | 'head' | 'recent'>;

/** Up to where a viewer was shown a file. */
interface Place {
  /** Of the last batch; undefined: none came yet. */
  era: number | undefined;
  /** The furthest that the batches of this era came. */
  end: number;
  /** The backlog, until batches that are known to be of its contents have gone past it. */
  backlog: KnownBacklog | undefined;
  /** Of which contents this era's batches are; undefined: none of them could be compared. */
  contents: 'backlog' | 'other' | undefined;
}

/** What of a batch is to be shown: all, its last lines, or nothing. */
export interface Admission {
  readonly batch: LineBatch | undefined;
  /** Lines before these were missed. */
  readonly gap: boolean;
}

/**
 * Joins for one viewer what comes live to the backlog it was sent, and batches to batches: each line once, by its place
 * in its file. So a batch that is published again, after the worker that followed the logs was killed, does no harm.
 *
 * Whether a batch is from the contents that the backlog was read from, or from those before or after a truncation, its
 * place does not say; there the lines themselves are compared with what was read. A viewer that opens around a
 * truncation may get the last batches of the old contents after a backlog of the new ones: they are shown, and the
 * backlog is kept for the new contents that follow.
 */
export class Seam {
  readonly #places = new Map<string, Place>();

  /** @param node whose files the backlog is of */
  begin(node: string, parts: readonly FileBacklog[]): void {
    for (const { id, end, head, recent } of parts) {
      this.#places.set(key(node, id), {
        era: undefined,
        end: 0,
        backlog: { end, head, recent },
        contents: undefined,
      });
    }
  }

  admit(batch: LineBatch): Admission {
    const place = this.#place(batch);
    const isFirst = place.era === undefined;
    if (batch.era !== place.era) beginEra(place, batch.era);
    const backlogEnd = compare(place, batch);
    const reference = Math.max(place.end, backlogEnd);
    place.end = Math.max(place.end, batch.end);
    if (place.contents === 'backlog' && place.end >= backlogEnd) place.backlog = undefined;
    if (batch.end <= reference) return { batch: undefined, gap: false };
    // Of contents that no backlog is of, what came before the first batch was before this viewer's time.
    const gap = batch.start > reference && !(isFirst && place.contents !== 'backlog');
    return { batch: batch.start < reference ? after(batch, reference) : batch, gap };
  }

  #place({ node, id }: LineBatch): Place {
    const name = key(node, id);
    let place = this.#places.get(name);
    if (place === undefined) {
      place = { era: undefined, end: 0, backlog: undefined, contents: undefined };
      this.#places.set(name, place);
      for (const [oldest] of this.#places) {
        if (this.#places.size <= mostPlaces) break;
        this.#places.delete(oldest);
      }
    }
    return place;
  }
}

function key(node: string, id: string): string {
  return `${id} ${node}`;
}

/** The batch's lines that end after a place in its file. */
function after(batch: LineBatch, place: number): LineBatch {
  let { start } = batch;
  let before = 0;
  for (const length of lineLengths(batch)) {
    if (start + length > place) break;
    start += length;
    before++;
  }
  return withoutFirst(batch, before);
}

function beginEra(place: Place, era: number): void {
  // An era that had the backlog's contents is over, and they are with it.
  if (place.contents === 'backlog') place.backlog = undefined;
  place.era = era;
  place.end = 0;
  place.contents = undefined;
}

/**
 * Notes whether a batch is of the backlog's contents.
 * @returns up to where the viewer has its contents from the backlog
 */
function compare(place: Place, batch: LineBatch): number {
  const { backlog } = place;
  if (backlog === undefined) return 0;
  if (place.contents !== 'other') place.contents = contentsOf(batch, backlog) ?? place.contents;
  if (place.contents !== undefined) return place.contents === 'backlog' ? backlog.end : 0;
  // Lines between the samples are taken for those that were read; those past the end are of contents unknown.
  return batch.start < backlog.end ? backlog.end : 0;
}

/** undefined: there is nothing to compare. */
function contentsOf(batch: LineBatch, backlog: KnownBacklog): Place['contents'] {
  const recentStart = backlog.end - backlog.recent.length;
  const recent = (start: number, end: number) =>
    start >= recentStart ? backlog.recent.subarray(start - recentStart, end - recentStart) : undefined;
  const lengths = lineLengths(batch);
  let { start } = batch;
  let compared = false;
  for (const [i, line] of batch.lines.entries()) {
    const end = start + (lengths[i] ?? 0);
    if (end > backlog.end) break;
    const sample = end <= backlog.head.length ? backlog.head.subarray(start, end) : recent(start, end);
    if (sample !== undefined) {
      if (lineText(sample.subarray(0, -1), sample.length - 1) !== line) return 'other';
      compared = true;
    }
    start = end;
  }
  // Where the backlog ends is where its contents go on; of others a batch would hardly begin at the very same place.
  if (compared || batch.start === backlog.end) return 'backlog';
  return batch.start === 0 ? 'other' : undefined;
}
