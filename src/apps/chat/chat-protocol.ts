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
/** Most members that a `welcome` or `members` lists. */
export const rosterMembers: number = 1_000;

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
  | { readonly type: 'message'; readonly text: string; readonly ref?: string }
  | { readonly type: 'nick'; readonly nick: string; readonly ref?: string }
  | { readonly type: 'members'; readonly ref?: string };

export type ServerMessage =
  | WelcomeMessage
  | MembersMessage
  | TextMessage
  | PresenceMessage
  | SentMessage
  | ErrorMessage
  | GapMessage;

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
  readonly at: string;
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
}

/** Each is explained in docs/chat.md. */
export const errorCodes = [
  'bad-json',
  'binary-message',
  'unknown-type',
  'bad-field',
  'too-long',
  'not-accepted',
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

/** Messages and presence changes may have been missed. */
export interface GapMessage {
  readonly type: 'gap';
  readonly at: string;
}
