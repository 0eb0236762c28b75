import type { Position, Publication } from '../../broker/broker.ts';
import { isBatchInfo, type BatchInfo, type LineBatch } from './line-batch.ts';

/** Most bytes of line text in a record. */
export const recordBytes: number = 128 * 1024;

/**
 * The last lines of a log that a node has published, put down by it where everybody can read them without asking: those
 * that the log's history has forgotten are in it, and where the published lines of each file end.
 */
export interface NodeRecord {
  readonly log: string;
  readonly node: string;
  /** A place in the log's history: of the node's lines up to there, these are the last. */
  readonly upTo: Position;
  /** Oldest first; without lines where only the end of a file's published lines is told. */
  readonly batches: readonly LineBatch[];
}

interface RecordInfo {
  readonly log: string;
  readonly node: string;
  readonly upTo: Position;
  readonly batches: readonly (BatchInfo & { readonly count: number })[];
}

/** As a publication: the lines as its text, what they are in its `info`. */
export function writeRecord({ log, node, upTo, batches }: NodeRecord): { data: string; info: string } {
  const info: RecordInfo = {
    log,
    node,
    upTo,
    batches: batches.map(({ lines, ...batch }) => ({ ...batch, count: lines.length })),
  };
  return { data: batches.flatMap(({ lines }) => lines).join('\n'), info: JSON.stringify(info) };
}

/** undefined: it is no record, or one of another log or node. */
export function readRecord({ data, info }: Publication, log: string, node: string): NodeRecord | undefined {
  const read = parseInfo(info);
  if (read === undefined || read.log !== log || read.node !== node) return undefined;
  const lines = data.toString().split('\n');
  let at = 0;
  const batches = read.batches.map(({ count, ...batch }) => ({ ...batch, lines: lines.slice(at, (at += count)) }));
  return { log, node, upTo: read.upTo, batches };
}

function parseInfo(json: string | undefined): RecordInfo | undefined {
  if (json === undefined) return undefined;
  let value: Partial<RecordInfo> | null;
  try {
    value = JSON.parse(json) as Partial<RecordInfo> | null;
  } catch {
    return undefined;
  }
  const { log, node, upTo, batches } = value ?? {};
  if (typeof log !== 'string' || typeof node !== 'string' || !Array.isArray(batches)) return undefined;
  if (typeof upTo?.epoch !== 'string' || !Number.isSafeInteger(upTo.offset)) return undefined;
  const areBatches = batches.every((batch) => Number.isSafeInteger(batch?.count) && isBatchInfo(batch));
  return areBatches ? { log, node, upTo, batches } : undefined;
}
