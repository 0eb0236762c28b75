import { backlogBytes, backlogLines, lineCapBytes, type LinesMessage } from '../log-view-protocol.ts';
import type { Journal } from './journal.ts';

/** What a backlog after a reconnection brings. */
export interface Rejoined {
  /** The batches of which lines are new, in order, and those lines. */
  readonly fresh: readonly (readonly [batch: LinesMessage, lines: readonly string[]])[];
  /** Whether it goes on where each file of the connection's own node was left. */
  readonly isWhole: boolean;
}

/** Room in a backlog that the next older line may have been too long for: a long one with its marker. Bytes. */
const lineRoomBytes = lineCapBytes + 1024;

/**
 * Joins a backlog to the lines that came before the connection was lost.
 * @param node that the connection is to; the backlog is of its files
 */
export function rejoin(journal: Journal, node: string, batches: readonly LinesMessage[]): Rejoined {
  const backlogs = new Map<string, string[]>();
  for (const batch of batches) {
    const backlog = backlogs.get(fileKey(batch)) ?? [];
    for (const line of batch.lines) backlog.push(line);
    backlogs.set(fileKey(batch), backlog);
  }
  const known = new Map([...backlogs].map(([file, backlog]) => [file, journal.overlap(file, backlog)]));
  const before = [...journal.files].filter((file) => file.startsWith(nodePrefix(node)));
  // A file that was rotated, emptied or deleted meanwhile is not there any more, or nothing in it is known.
  const isFound = before.every((file) => (known.get(file) ?? 0) > 0);
  const isNewWhole = !isCut(batches) || [...known.values()].every((lines) => lines > 0);
  const fresh: [LinesMessage, readonly string[]][] = [];
  for (const batch of batches) {
    const rest = known.get(fileKey(batch)) ?? 0;
    known.set(fileKey(batch), Math.max(0, rest - batch.lines.length));
    if (rest < batch.lines.length) fresh.push([batch, batch.lines.slice(rest)]);
  }
  return { fresh, isWhole: isFound && isNewWhole };
}

export function fileKey({ node, file }: LinesMessage): string {
  return `${nodePrefix(node ?? '')}${file ?? ''}`;
}

function nodePrefix(node: string): string {
  return `${node}\0`;
}

/** Whether there may have been more lines than a backlog has room for. */
function isCut(batches: readonly LinesMessage[]): boolean {
  const lines = batches.reduce((sum, batch) => sum + batch.lines.length, 0);
  if (lines >= backlogLines) return true;
  const encoder = new TextEncoder();
  const bytes = batches.reduce((sum, batch) => sum + encoder.encode(batch.lines.join('\n')).length + 1, 0);
  return bytes > backlogBytes - lineRoomBytes;
}
