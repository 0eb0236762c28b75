import type { ErrorMessage, SentMessage, TextMessage } from '../chat-protocol.ts';
import { readTime } from './clock.ts';
import type { Conversation } from './conversation.ts';
import { OwnMessage } from './message-row.ts';
import type { Session } from './session.ts';

/** An unanswered message is a reason to doubt the connection after this long, in milliseconds. */
const patienceMs = 5_000;
/** The room takes a message of one id once, for as long as it remembers the id: five minutes. In milliseconds. */
const repeatableMs = 4 * 60_000;
/** Confirmed messages that are recognised when the room tells of them again. */
const mostConfirmed = 1_000;

/**
 * What this page sends, until the room has answered for it. What is written while there is no connection, or was under
 * way when it broke, goes out with the next one: the room recognises by its id what had arrived after all.
 */
export class Outgoing {
  readonly #session: Session;
  readonly #conversation: Conversation;
  readonly #doubt: () => void;
  /** By id, in the order of writing. */
  readonly #unconfirmed = new Map<string, OwnMessage>();
  readonly #confirmed = new Set<string>();

  /** @param doubt called when an answer takes too long: finds out whether the connection still carries anything */
  constructor(session: Session, conversation: Conversation, doubt: () => void) {
    this.#session = session;
    this.#conversation = conversation;
    this.#doubt = doubt;
  }

  say(text: string): void {
    const message = new OwnMessage(text);
    this.#conversation.say(message);
    this.#send(message);
  }

  /** There is a connection again, and what was missed is shown. */
  connected(): void {
    const due = [...this.#unconfirmed.values()].filter(({ delivery }) => delivery !== 'failed');
    const repeatable = due.filter(isRepeatable);
    // Below what the others said before anybody could read it.
    this.#conversation.moveToEnd(repeatable);
    for (const message of due) {
      if (repeatable.includes(message)) this.#send(message);
      else this.#fail(message, 'The connection broke; this may not have arrived.');
    }
  }

  disconnected(): void {
    for (const message of this.#unconfirmed.values()) {
      if (message.delivery !== 'sending') continue;
      message.set('waiting', 'The connection broke; this is sent again when it is back.');
    }
  }

  sent({ ref, at }: SentMessage): void {
    this.#confirm(ref)?.sentAt(readTime(at));
  }

  /**
   * The room tells of one's own message, of an earlier connection.
   * @returns false when this page did not send it, or no longer knows
   */
  arrived({ id, at }: TextMessage): boolean {
    if (id === undefined) return false;
    if (this.#confirmed.has(id)) return true;
    const message = this.#confirm(id);
    if (message === undefined) return false;
    message.sentAt(readTime(at));
    this.#conversation.moveToEnd([message]);
    return true;
  }

  /** @returns false when the error is about none of these messages */
  refused({ ref, code, message: problem }: ErrorMessage): boolean {
    const message = this.#unconfirmed.get(ref ?? '');
    if (message === undefined) return false;
    this.#fail(message, code === 'unconfirmed' ? 'This may not have arrived.' : `Not sent: ${problem}.`);
    return true;
  }

  #send(message: OwnMessage): void {
    this.#unconfirmed.set(message.id, message);
    const { id, text } = message;
    if (!this.#session.send({ type: 'message', text, id, ref: id })) {
      message.set('waiting', 'Will be sent when the connection is back.');
      return;
    }
    message.firstSentMs ??= Date.now();
    message.set('sending');
    setTimeout(() => {
      if (message.delivery === 'sending') this.#doubt();
    }, patienceMs);
  }

  #fail(message: OwnMessage, explanation: string): void {
    message.set('failed', explanation, () => this.#again(message));
  }

  #again(message: OwnMessage): void {
    if (!isRepeatable(message)) {
      this.#unconfirmed.delete(message.id);
      message.renew();
    }
    this.#conversation.moveToEnd([message]);
    this.#conversation.toEnd();
    this.#send(message);
  }

  #confirm(id: string | null): OwnMessage | undefined {
    const message = this.#unconfirmed.get(id ?? '');
    if (message === undefined) return undefined;
    this.#unconfirmed.delete(message.id);
    this.#confirmed.add(message.id);
    for (const oldest of this.#confirmed) {
      if (this.#confirmed.size <= mostConfirmed) break;
      this.#confirmed.delete(oldest);
    }
    return message;
  }
}

function isRepeatable({ firstSentMs }: OwnMessage): boolean {
  return firstSentMs === undefined || Date.now() - firstSentMs < repeatableMs;
}
