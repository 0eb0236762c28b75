/** What the reader is told of lines that did not come, and of a connection that was lost. */
import type { GapMessage, LossReason } from '../log-view-protocol.ts';

export function hole({ missed }: GapMessage): string {
  return missed === undefined
    ? 'Lines may be missing here: the server lost its feed for a moment'
    : 'Lines are missing here: the connection was too slow for all that came';
}

export function lostFor(lostAt: number): string {
  return `Connection lost for ${((Date.now() - lostAt) / 1_000).toFixed(1)} s`;
}

const lossCauses: Readonly<Record<LossReason, string>> = {
  'no-history': '',
  trimmed: ': more came than is kept, or it was too long ago',
  epoch: ': what was kept is lost',
  'too-many': ': more came than can be sent again',
};

/**
 * Where the server could not go on by its history: this node's backlog may join, what others wrote is not known.
 * @returns undefined where nothing is missing
 */
export function joined(isWhole: boolean, others: boolean, reason: LossReason | undefined): string | undefined {
  const cause = reason === undefined ? '' : lossCauses[reason];
  if (!isWhole) return `lines may be missing here${cause}`;
  return others ? `lines of other nodes may be missing here${cause}` : undefined;
}
