import type { ErrorMessage, SentMessage } from '../chat-protocol.ts';
import { readTime } from './clock.ts';
import type { Conversation } from './conversation.ts';
import type { OwnMessage } from './message-row.ts';
import type { Session } from './session.ts';

/** An unanswered message is a reason to doubt the connection after this long, in milliseconds. */
const patienceMs = 5_000;

/**
 * What this page sends, until the room has answered for it. A message written while there is no connection goes out
 * with the next one; one that was under way when the connection broke may or may not have arrived, and is only sent
 * again when its author says so.
 */
export class Outgoing {
  readonly #session: Session;
  readonly #conversation: Conversation;
  readonly #doubt: () => void;
  readonly #unanswered = new Map<string, OwnMessage>();
  #waiting: OwnMessage[] = [];
  #count = 0;

  /** @param doubt called when an answer takes too long: finds out whether the connection still carries anything */
  constructor(session: Session, conversation: Conversation, doubt: () => void) {
    this.#session = session;
    this.#conversation = conversation;
    this.#doubt = doubt;
  }

  say(text: string): void {
    this.#send(this.#conversation.say(text));
  }

  connected(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const message of waiting) this.#send(message);
  }

  disconnected(): void {
    for (const message of this.#unanswered.values()) {
      message.set('failed', 'The connection broke; this may not have arrived.', () => this.#again(message));
    }
  }

  sent({ ref, at }: SentMessage): void {
    this.#take(ref)?.sentAt(readTime(at));
  }

  /** @returns false when the error is about none of these messages */
  refused({ ref, message: problem }: ErrorMessage): boolean {
    const message = this.#take(ref);
    message?.set('failed', `Not sent: ${problem}.`, () => this.#again(message));
    return message !== undefined;
  }

  #send(message: OwnMessage): void {
    const ref = `m${++this.#count}`;
    if (!this.#session.send({ type: 'message', text: message.text, ref })) {
      message.set('waiting', 'Will be sent when the connection is back.');
      this.#waiting.push(message);
      return;
    }
    message.set('sending');
    this.#unanswered.set(ref, message);
    setTimeout(() => {
      if (this.#unanswered.has(ref)) this.#doubt();
    }, patienceMs);
  }

  #again(message: OwnMessage): void {
    for (const [ref, other] of this.#unanswered) if (other === message) this.#unanswered.delete(ref);
    message.row.remove();
    this.say(message.text);
  }

  #take(ref: string | null): OwnMessage | undefined {
    if (ref === null) return undefined;
    const message = this.#unanswered.get(ref);
    this.#unanswered.delete(ref);
    return message;
  }
}
