import type { IncomingMessage } from 'node:http';
import type { Identity } from '../../auth/identity.ts';
import { BrokerClosedError, BrokerUnavailableError, type MessageKind, type Position } from '../../broker/broker.ts';
import { internalErrorReason } from '../../gateway/close-codes.ts';
import type { Connection } from '../../gateway/connection.ts';
import type { HandshakeOptions } from '../../gateway/handshake-options.ts';
import type { Subscribed } from '../../gateway/calls.ts';
import type { AppContext } from '../app.ts';
import type { AppOptions } from '../app-options.ts';
import { chatEncoding, plainLine, presenceInfo, speechInfo } from './chat-encoding.ts';
import {
  chatSubprotocol,
  defaultTextBytes,
  type ClientMessage,
  type ErrorMessage,
  type Member,
  type SentMessage,
  type ServerMessage,
} from './chat-protocol.ts';
import { complaint, readClientMessage } from './read-client-message.ts';
import { readWishes } from './read-wishes.ts';
import { RosterReader } from './roster-reader.ts';
import { Welcomer } from './welcomer.ts';
import { withFields } from './with-fields.ts';

type Spoken = Pick<Extract<ClientMessage, { readonly type: 'message' }>, 'text' | 'id' | 'ref'>;
type SpokenMessage = Exclude<ClientMessage, { readonly type: 'members' }>;

/**
 * One URL of the chat: everybody connected to it, on any worker, hears everybody else. The subscription has the URL's
 * name. Clients without the JSON subprotocol are treated as NaviServer treats them.
 */
export class ChatRoom {
  readonly #context: AppContext;
  readonly #name: string;
  readonly #textBytes: number;
  readonly #plain: HandshakeOptions;
  readonly #json: HandshakeOptions;
  /** Nicknames of this worker's JSON connections that have one. */
  readonly #nicks = new WeakMap<Connection, string>();
  /** Of connections that are on their way into the room: what changes their presence waits for it. */
  readonly #joining = new Map<Connection, Promise<unknown>>();
  readonly #roster: RosterReader;
  readonly #welcomer: Welcomer;
  /** Who has asked for the members and was not answered. */
  readonly #asking = new WeakSet<Connection>();
  #refused = false;

  constructor(context: AppContext, name: string, options: AppOptions) {
    this.#context = context;
    this.#name = name;
    this.#textBytes = options.limits?.messageBytes ?? defaultTextBytes;
    this.#roster = new RosterReader((limit, cursor) => context.gateway.presence(name, limit, cursor));
    this.#welcomer = new Welcomer(context, name, this.#textBytes, this.#roster);
    this.#plain = {
      onMessage: (connection, data, kind) => this.#hearPlain(connection, data, kind),
      limits: { ...options.limits, messageBytes: this.#textBytes },
    };
    this.#json = {
      onMessage: (connection, data, kind) => this.#hearJson(connection, data, kind),
      subprotocols: [chatSubprotocol],
      encoding: () => chatEncoding,
      // JSON may spend six bytes on one (\u0000). A text that is too long for the room gets an answer, not a close.
      limits: { ...options.limits, messageBytes: 6 * this.#textBytes + 1024 },
    };
  }

  accept(request: IncomingMessage, entry: { head: Buffer; identity?: Identity; query: URLSearchParams }): void {
    const speaksJson = offers(request, chatSubprotocol);
    const connection = this.#context.gateway.handshake(request, speaksJson ? this.#json : this.#plain, entry);
    if (connection === undefined) return;
    const joined: Promise<unknown> = speaksJson ? this.#joinJson(connection, entry.query) : this.#enter(connection);
    this.#joining.set(connection, joined);
    // Kept for the connection's life it would keep the answer with it.
    const settled = (): boolean => this.#joining.delete(connection);
    joined.then(settled, (error: unknown) => {
      settled();
      this.#cannotJoin(connection, error);
    });
  }

  #cannotJoin(connection: Connection, error: unknown): void {
    // Gone before it was in.
    if (!connection.open) return;
    this.#context.log.error(
      { event: 'chat-join-failed', connection: connection.id, room: this.#name, err: error },
      'a client cannot join a room',
    );
    const isPassing = error instanceof BrokerUnavailableError || error instanceof BrokerClosedError;
    if (isPassing) connection.close(1013, 'the room cannot be joined at the moment');
    else connection.close(1011, internalErrorReason(connection.id));
  }

  async #joinJson(connection: Connection, query: URLSearchParams): Promise<void> {
    const { nick, since, problems } = readWishes(query);
    if (nick !== undefined) this.#nicks.set(connection, nick);
    const subscribed = await this.#enter(connection, since);
    if (subscribed === undefined) return;
    await this.#welcomer.welcome(connection, this.#self(connection), subscribed, since);
    for (const problem of problems) this.#tell(connection, problem);
  }

  /** @returns undefined when the client was gone before it was in */
  #enter(connection: Connection, since?: Position): Promise<Subscribed | undefined> {
    const presence = presenceInfo(this.#self(connection));
    return this.#context.gateway.subscribe(connection, this.#name, {
      presence,
      ...(since === undefined ? {} : { since }),
    });
  }

  async #hearPlain(connection: Connection, data: Buffer, kind: MessageKind): Promise<void> {
    if (kind === 'binary') {
      connection.close(1003, 'this chat takes text only; send a text message');
      return;
    }
    // Accepted or not, there is nothing a plain client could be told.
    await this.#speak(connection, { text: data.toString() });
  }

  async #hearJson(connection: Connection, data: Buffer, kind: MessageKind): Promise<void> {
    const message =
      kind === 'binary'
        ? complaint('binary-message', null, 'the message is binary; expected JSON in a text message')
        : readClientMessage(data.toString(), this.#textBytes);
    if (message.type === 'members') await this.#list(connection, message.ref);
    else this.#tell(connection, await this.#answer(connection, message));
  }

  async #answer(connection: Connection, message: SpokenMessage | ErrorMessage): Promise<ServerMessage> {
    switch (message.type) {
      case 'message':
        return await this.#speak(connection, message);
      case 'nick':
        return await this.#rename(connection, message.nick, message.ref);
      case 'error':
        return message;
    }
  }

  /** One list per connection is under way at a time: asking for a list is short, and a list is long. */
  async #list(connection: Connection, ref: string | undefined): Promise<void> {
    if (this.#asking.has(connection)) {
      this.#tell(connection, complaint('busy', null, 'an earlier "members" is still to be answered; wait for it', ref));
      return;
    }
    this.#asking.add(connection);
    try {
      await this.#joining.get(connection);
      const roster = await this.#roster.read();
      const answer = withFields({ type: 'members', ...(ref === undefined ? {} : { ref }) }, [roster]);
      this.#context.gateway.send(connection, answer, 'text');
    } catch {
      this.#tell(connection, complaint('not-accepted', null, 'the members cannot be listed; ask again later', ref));
    } finally {
      this.#asking.delete(connection);
    }
  }

  async #speak(connection: Connection, { text, id, ref }: Spoken): Promise<SentMessage | ErrorMessage> {
    const at = now();
    try {
      const position = await this.#context.gateway.multicast(this.#name, plainLine(connection.address, text), {
        exclude: [connection],
        info: speechInfo(this.#self(connection), at, id),
        ...(id === undefined ? {} : { id }),
      });
      this.#refused = false;
      return { type: 'sent', ref: ref ?? null, at, ...(position === undefined ? {} : { position }) };
    } catch (error) {
      // Once per trouble, not once per message.
      if (!this.#refused) {
        this.#context.log.error(
          { event: 'chat-publish-failed', room: this.#name, err: error },
          'the broker accepts no messages for a room',
        );
      }
      this.#refused = true;
      const isUnknown = error instanceof BrokerUnavailableError && error.outcome === 'unknown';
      return isUnknown
        ? complaint('unconfirmed', null, 'nobody knows whether the message was accepted; send it again later', ref)
        : complaint('not-accepted', null, 'the message was not accepted; send it again later', ref);
    }
  }

  async #rename(connection: Connection, nick: string, ref: string | undefined): Promise<ServerMessage> {
    const before = this.#nicks.get(connection);
    this.#nicks.set(connection, nick);
    try {
      await this.#joining.get(connection);
      await this.#context.gateway.updatePresence(connection, this.#name, presenceInfo(this.#self(connection)));
      return { type: 'sent', ref: ref ?? null, at: now() };
    } catch {
      // Back to what the others still see, unless a later change has come in between.
      if (this.#nicks.get(connection) === nick) {
        if (before === undefined) this.#nicks.delete(connection);
        else this.#nicks.set(connection, before);
      }
      return complaint('not-accepted', 'nick', 'nick: the change was not accepted; try again later', ref);
    }
  }

  #self(connection: Connection): Member & { readonly address: string } {
    return {
      id: connection.id,
      nick: this.#nicks.get(connection) ?? null,
      user: connection.identity?.user ?? null,
      address: connection.address,
    };
  }

  #tell(connection: Connection, message: ServerMessage): void {
    this.#context.gateway.send(connection, JSON.stringify(message));
  }
}

function offers(request: IncomingMessage, subprotocol: string): boolean {
  const offered = request.headers['sec-websocket-protocol'] ?? '';
  return offered.split(',').some((name) => name.trim() === subprotocol);
}

function now(): string {
  return new Date().toISOString();
}
