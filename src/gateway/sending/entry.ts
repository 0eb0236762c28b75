/** Something that waits in outboxes until it can be sent; shared by all connections that are given it. */
export interface Entry {
  /** undefined: it belongs to none, such as what was sent to one connection directly. */
  readonly subscription: string | undefined;
  readonly content: EntryContent;
  /** @param windowBits what the receiver's permessage-deflate agreed on, or `uncompressed` */
  bytesFor(windowBits: number): Buffer;
}

/**
 * Policies for slow consumers drop publications and events of presence, and nothing else. A `note` stands where they
 * did: it counts no bytes, and is asked for them once, when it leaves.
 */
export type EntryContent = 'publication' | 'presence' | 'note' | 'other';
