import type { GapMessage, LossReason, WelcomeMessage } from '../chat-protocol.ts';

const reasons: Readonly<Record<LossReason, string>> = {
  'no-history': 'this room does not keep what is said',
  trimmed: 'this page was away for longer than the room remembers',
  epoch: 'the room has lost its memory of that time',
  'too-many': 'more was said than the room can tell again',
};

/**
 * What a reader should know about the time without a connection.
 * @param since the time of day when it was lost
 * @returns undefined where nothing is missing
 */
export function describeMissing({ recovered, reason }: WelcomeMessage, since: string): string | undefined {
  if (recovered === true) return undefined;
  const why = reasons[reason ?? 'no-history'];
  // A newer server may have reasons that this page does not know.
  return `Connected again. Messages since ${since} may be missing here${why === undefined ? '' : `: ${why}`}.`;
}

/** What a reader should know about a hole in the conversation. */
export function describeGap({ missed }: Pick<GapMessage, 'missed'>): string {
  if (missed === undefined) return 'The server lost touch with the others for a moment; messages may be missing here.';
  const messages = missed === 1 ? 'One message is' : `${missed} messages are`;
  return `${messages} missing here: the connection was too slow for all that was said.`;
}
