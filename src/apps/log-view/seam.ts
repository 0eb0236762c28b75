import { lineLengths, type LineBatch } from './line-batch.ts';
import { lineText } from './line-splitter.ts';
import type { FileBacklog } from './read-backlog.ts';

/** Files that one viewer's seam keeps track of; beyond, the first are forgotten. */
const mostPlaces = 1_024;

/** Up to where a viewer was shown a file. */
interface Place {
  /** Of the last batch; undefined: none came yet. */
  era: number | undefined;
  end: number;
  /** The backlog, until the batches have gone past it. */
  backlog: FileBacklog | undefined;
  /** Whether the present era has the backlog's contents. */
  joins: boolean;
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
 * place does not say; there the lines themselves are compared with what was read.
 */
export class Seam {
  readonly #places = new Map<string, Place>();

  /** @param node whose files the backlog is of */
  begin(node: string, parts: readonly FileBacklog[]): void {
    for (const part of parts) {
      this.#places.set(key(node, part.id), { era: undefined, end: part.end, backlog: part, joins: true });
    }
  }

  admit(batch: LineBatch): Admission {
    const place = this.#place(batch);
    const isNewEra = batch.era !== place.era;
    if (isNewEra && place.backlog !== undefined) place.joins = holds(place.backlog, batch);
    const shownInEra = isNewEra ? 0 : place.end;
    const reference = place.joins ? Math.max(place.backlog?.end ?? 0, shownInEra) : shownInEra;
    // The first batch of a file that no backlog is of, or of an era that does not continue the backlog's contents.
    const isUnplaced = place.era === undefined && place.backlog === undefined;
    place.era = batch.era;
    place.end = Math.max(batch.end, reference);
    if (place.joins && batch.end >= reference) place.backlog = undefined;
    if (isUnplaced) return { batch, gap: false };
    if (batch.end <= reference) return { batch: undefined, gap: false };
    return { batch: batch.start < reference ? after(batch, reference) : batch, gap: batch.start > reference };
  }

  #place({ node, id }: LineBatch): Place {
    const name = key(node, id);
    let place = this.#places.get(name);
    if (place === undefined) {
      place = { era: undefined, end: 0, backlog: undefined, joins: false };
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
  const lengths = lineLengths(batch);
  let { start } = batch;
  let shown = 0;
  for (const length of lengths) {
    if (start + length > place) break;
    start += length;
    shown++;
  }
  return { ...batch, start, lines: batch.lines.slice(shown), lengths: lengths.slice(shown) };
}

/** Whether a batch is from the contents that the backlog was read from. */
function holds(backlog: FileBacklog, batch: LineBatch): boolean {
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
      if (lineText(sample.subarray(0, -1), sample.length - 1) !== line) return false;
      compared = true;
    }
    start = end;
  }
  if (compared) return true;
  // Nothing to compare. New contents begin at the beginning of the file; lines between the samples, or past the
  // backlog's end, are of the contents that were read.
  return batch.start > 0;
}
