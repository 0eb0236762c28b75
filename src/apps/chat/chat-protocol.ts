/**
 * The JSON mode of chat, specified in docs/chat.md. This file is shared by the server and the page: types and numbers
 * only, nothing of Node and nothing of the DOM.
 */

/** The subprotocol that selects the JSON mode. Any other, or none, is NaviServer's plain text. */
export const chatSubprotocol: string = 'carillon.chat.v1';

/** Longest nickname, in characters as a reader counts them (grapheme clusters). */
export const nickCharacters: number = 32;
/** Longest text of one message, in bytes of UTF-8, unless the app's `limits.messageBytes` says otherwise. */
export const defaultTextBytes: number = 64 * 1024;
/** Longest `ref`, in UTF-16 code units. */
export const refUnits: number = 64;
/** Longest `id` of a message, in UTF-16 code units. */
export const messageIdUnits: number = 64;
/** Longest epoch in a `since`, in UTF-16 code units. */
export const epochUnits: number = 128;
/** Most members that a `welcome` or `members` lists. */
export const rosterMembers: number = 1_000;
/** Most messages in a welcome's `history`. */
export const historyMessages: number = 50;

/** A place in the room's history: offsets grow by one; they can be compared where the epochs are equal. */
export interface ChatPosition {
  readonly epoch: string;
  readonly offset: number;
}

/** Why a client could not be given what it missed; each is explained in docs/chat.md. */
export const lossReasons = ['no-history', 'trimmed', 'epoch', 'too-many'] as const;

export type LossReason = (typeof lossReasons)[number];

/** Somebody who is in the room. */
export interface Member {
  /** The connection's id: unique in the cluster, new after each reconnect. */
  readonly id: string;
  /** null: none chosen. Not unique. */
  readonly nick: string | null;
  /** The authenticated user; null where the room asks nobody who they are. */
  readonly user: string | null;
  /** null: not known, for a member that another program entered. */
  readonly address: string | null;
}

export type ClientMessage =
  | { readonly type: 'message'; readonly text: string; readonly id?: string; readonly ref?: string }
  | { readonly type: 'nick'; readonly nick: string; readonly ref?: string }
  | { readonly type: 'members'; readonly ref?: string };

export type ServerMessage =
  | WelcomeMessage
  | MembersMessage
  | TextMessage
  | PresenceMessage
  | SentMessage
  | ErrorMessage
  | GapMessage
  | StaleMessage;

export interface WelcomeMessage {
  readonly type: 'welcome';
  /** The client's own member id. */
  readonly id: string;
  readonly nick: string | null;
  readonly user: string | null;
  /** The client's address as the others see it. */
  readonly address: string;
  readonly room: string;
  /** Name of the node, and number of the worker on it, that hold this connection. */
  readonly node: string;
  readonly worker: number;
  /** The server's time, ISO 8601 in UTC, as in every `at`. */
  readonly at: string;
  /** Where the room has history: what is behind this place the client has, or is in `history`. */
  readonly position?: ChatPosition;
  /**
   * Where the client said `since`. true: the `message`s up to `position`, all of them sent before this welcome, are
   * exactly what it missed. false: some may be missing, and `reason` says why.
   */
  readonly recovered?: boolean;
  readonly reason?: LossReason;
  /** Unless the client continues: the room's last messages up to `position`, oldest first. Where the room has history. */
  readonly history?: readonly TextMessage[];
  readonly members: readonly Member[];
  /** false: there are more members than the list names. */
  readonly complete: boolean;
  readonly limits: { readonly nickCharacters: number; readonly textBytes: number };
}

/** Answer to `members`. */
export interface MembersMessage {
  readonly type: 'members';
  readonly members: readonly Member[];
  readonly complete: boolean;
  readonly ref?: string;
}

export interface TextMessage {
  readonly type: 'message';
  /** null: published by another program, not by a member. */
  readonly from: Member | null;
  readonly text: string;
  /** null: not known, for what another program published while nobody here listened. */
  readonly at: string | null;
  /** As the member gave it; absent where it gave none. */
  readonly id?: string;
  /** Absent: the message is not in the history. */
  readonly position?: ChatPosition;
}

export interface PresenceMessage {
  readonly type: 'join' | 'update' | 'leave';
  readonly member: Member;
  readonly at: string;
}

/** The broker accepted a message or a nickname. */
export interface SentMessage {
  readonly type: 'sent';
  readonly ref: string | null;
  readonly at: string;
  /** Of a message, where the room has history. */
  readonly position?: ChatPosition;
}

/** Each is explained in docs/chat.md. */
export const errorCodes = [
  'bad-json',
  'binary-message',
  'unknown-type',
  'bad-field',
  'too-long',
  'not-accepted',
  'unconfirmed',
  'busy',
] as const;

export type ErrorCode = (typeof errorCodes)[number];

export interface ErrorMessage {
  readonly type: 'error';
  readonly code: ErrorCode;
  /** The field that is at fault, where it is one. */
  readonly field: string | null;
  /** What was wrong and what was expected. */
  readonly message: string;
  readonly ref: string | null;
}

/** Messages may have been missed that no history could give back, and changes of presence. */
export interface GapMessage {
  readonly type: 'gap';
  /**
   * Present: exactly so many messages were dropped here, as the client does not read fast enough. Where changes of
   * presence were too, `stale` follows.
   */
  readonly missed?: number;
  readonly at: string;
}

/** Changes of presence may have been missed; messages were not. */
export interface StaleMessage {
  readonly type: 'stale';
  readonly at: string;
}
