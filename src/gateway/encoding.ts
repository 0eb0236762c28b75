import type { MessageKind, PresenceEvent, Publication } from '../broker/broker.ts';

/** What one client is sent: text as a string or UTF-8 bytes, binary as bytes. */
export interface Message {
  readonly data: Buffer | string;
  readonly kind: MessageKind;
}

/**
 * How publications look on one kind of connection. Called once per publication and encoding, however many subscribers
 * there are; `undefined` means that connections of this encoding are not sent anything. Use one object for all
 * connections of a kind: the hub groups by identity.
 */
export interface Encoding {
  readonly name: string;
  publication(publication: Publication): Message | undefined;
  /** As `publication`, for one that is read from history; called while that is being read. Default: the same. */
  recalled?(publication: Publication): Message | undefined;
  /** Somebody joined, changed in or left a subscription with presence. */
  presence?(event: PresenceEvent): Message | undefined;
  /**
   * Publications of the subscription may have been missed.
   * @param missed how many this one client was not given, as it does not read fast enough; nothing else is missing then
   */
  gap?(subscription: string, missed?: number): Message | undefined;
  /** Events of presence may have been missed, and no publications but those that a gap tells of. */
  presenceGap?(subscription: string): Message | undefined;
}

/** Text for a string, binary for bytes. */
export function kindOf(data: string | Buffer): MessageKind {
  return typeof data === 'string' ? 'text' : 'binary';
}

/** The data as it is: NaviServer's behaviour, and the default. */
export const plainEncoding: Encoding = {
  name: 'plain',
  publication: (publication) => publication,
};
