import type { Position, Publication } from '../../broker/broker.ts';
import type { Subscribed } from '../../gateway/calls.ts';
import { internalErrorReason } from '../../gateway/close-codes.ts';
import type { Connection } from '../../gateway/connection.ts';
import type { Encoding, Message } from '../../gateway/encoding.ts';
import type { Gateway } from '../../gateway/gateway.ts';
import { everyone } from '../../gateway/subscription-name.ts';
import type { Log } from '../../lib/log.ts';
import { lastLines } from './last-lines.ts';
import { LineCollector, type LineBatch } from './line-batch.ts';
import { jsonMessage, placeOf, renderLines, type LineFormat, type LineMessages } from './line-messages.ts';
import type { LogSource } from './log-source.ts';
import { logSubscription } from './log-subscriptions.ts';
import { backlogBytes, logViewSubprotocol, type LogViewServerMessage } from './log-view-protocol.ts';
import { readBacklog, type FileBacklog } from './read-backlog.ts';
import { complaint } from './read-client-message.ts';
import { isAfter, type RecentLines, type RecentLinesReader } from './recent-lines.ts';
import { Seam } from './seam.ts';

/** Most bytes that are held while a backlog is read; of more the first are dropped, and the viewer is told of a gap. */
const heldBytes = 4 * 1024 * 1024;
/** Most bytes of lines in the backlog of all other nodes together. */
const othersBytes = 4 * 1024 * 1024;

export interface ViewerContext {
  readonly gateway: Gateway;
  readonly log: Log;
  readonly node: string;
  readonly messages: LineMessages;
  readonly recent: RecentLinesReader;
}

/** The log a viewer wants to see. */
export interface Choice {
  readonly name: string;
  readonly source: LogSource;
  /** Lines of backlog. */
  readonly tail: number;
  /** How far the client has it already. */
  readonly since?: Position | undefined;
  readonly ref?: string | undefined;
}

/**
 * What one connection is shown. It is an encoding of its own because what a publication looks like depends on where
 * this viewer's backlog ended: publications are held until the backlog was sent, then joined to it by the seam. The
 * text itself is made once for all viewers.
 */
export class Viewer implements Encoding {
  readonly name = 'log-view';
  readonly #context: ViewerContext;
  #connection: Connection | undefined;
  #format: LineFormat = 'plain';
  #log: string | undefined;
  #seam = new Seam();
  #held: HeldPublications | undefined;
  #wanted: Choice | undefined;
  #isOpening = false;

  constructor(context: ViewerContext) {
    this.#context = context;
  }

  /** Takes its connection, which has this for its encoding. Called once, right after the handshake. */
  attach(connection: Connection): void {
    this.#connection = connection;
    if (connection.subprotocol === logViewSubprotocol) this.#format = 'json';
  }

  get isJson(): boolean {
    return this.#format === 'json';
  }

  publication(publication: Publication): Message | undefined {
    const log = this.#log;
    // A program's word to all connections.
    if (publication.subscription === everyone)
      return this.#context.messages.whole(log ?? '', publication, this.#format);
    if (log === undefined || publication.subscription !== logSubscription(log)) return undefined;
    if (this.#held === undefined) return this.#show(log, publication);
    this.#held.push(publication);
    return undefined;
  }

  gap(subscription: string, missed?: number): Message | undefined {
    const log = this.#log;
    if (!this.isJson || log === undefined || subscription !== logSubscription(log)) return undefined;
    return jsonMessage({ type: 'gap', log, ...(missed === undefined ? {} : { missed }) });
  }

  /** Sends a message to a JSON client; others have no use for it. */
  tell(message: LogViewServerMessage): void {
    if (this.isJson) this.#send(jsonMessage(message));
  }

  /** Shows this log from now on, instead of another. A choice made while an earlier one is being opened takes its place. */
  async open(choice: Choice): Promise<void> {
    this.#wanted = choice;
    if (this.#isOpening) return;
    this.#isOpening = true;
    try {
      for (let next = this.#next(); next !== undefined; next = this.#next()) await this.#tryToOpen(next);
    } finally {
      this.#isOpening = false;
    }
  }

  #next(): Choice | undefined {
    const next = this.#wanted;
    this.#wanted = undefined;
    return next;
  }

  async #tryToOpen(choice: Choice): Promise<void> {
    const connection = this.#connection;
    if (connection?.open !== true) return;
    try {
      await this.#open(connection, choice);
    } catch (error) {
      if (!connection.open) return;
      this.#log = undefined;
      this.#context.log.error(
        { event: 'log-view-failed', connection: connection.id, log: choice.name, err: error },
        'a viewer could not open a log',
      );
      if (this.isJson)
        this.tell(complaint('not-accepted', `log: "${choice.name}" cannot be opened at the moment`, choice.ref));
      else connection.close(1011, internalErrorReason(connection.id, 'the log cannot be opened at the moment'));
    }
  }

  async #open(connection: Connection, choice: Choice): Promise<void> {
    const { gateway } = this.#context;
    const { name, since } = choice;
    if (this.#log !== undefined) gateway.unsubscribe(connection, logSubscription(this.#log));
    const held = new HeldPublications();
    this.#held = held;
    this.#seam = new Seam();
    this.#log = name;
    const subscribed = await gateway.subscribe(connection, logSubscription(name), since === undefined ? {} : { since });
    if (subscribed === undefined) return;
    // Read after the subscription is confirmed: what is appended from here on is published later and held, or shown.
    const begin = subscribed.recovered
      ? await this.#goOn(choice, subscribed)
      : await this.#beginAnew(choice, subscribed);
    if (this.#wanted !== undefined || !connection.open) return;
    const after = begin();
    this.#held = undefined;
    if (held.dropped) this.tell({ type: 'gap', log: name });
    for (const publication of held.publications) {
      if (after === undefined || isAfter(publication.position, after)) this.#send(this.#show(name, publication));
    }
  }

  /** The client is given what it missed, and no backlog. */
  async #goOn({ name, source, since, ref }: Choice, { publications, position }: Subscribed): Promise<Begin> {
    if (since === undefined || position === undefined) throw new Error('a viewer goes on from nowhere');
    const { files } = await readBacklog(source, 0);
    for (const batch of await this.#context.recent.upTo(name, since, position)) this.#seam.admit(batch);
    return () => {
      this.tell({ type: 'opened', log: name, files, backlog: 0, position: since, recovered: true, ...refOf(ref) });
      for (const publication of publications) this.#send(this.#show(name, publication));
      return undefined;
    };
  }

  /** The last lines of this node, from its files, and of the others as they published them. */
  async #beginAnew({ name, source, tail, since, ref }: Choice, { reason, position }: Subscribed): Promise<Begin> {
    const { node, recent } = this.#context;
    const known = position === undefined ? undefined : await recent.read(name, tail);
    // Not beyond what is published: a client that comes back is given what follows.
    const { files, parts } = await readBacklog(source, tail, known?.nodes.get(node)?.ends);
    const others = known === undefined ? [] : linesOfOthers(known, node, tail);
    const absent = (known?.absent ?? []).filter((name) => name !== node);
    const backlog = [...others, ...parts].reduce((sum, { lines }) => sum + lines.length, 0);
    const place = known?.position;
    return () => {
      this.tell({
        type: 'opened',
        log: name,
        files,
        backlog,
        ...(absent.length === 0 ? {} : { absent }),
        ...(place && { position: place }),
        ...(since === undefined ? {} : { recovered: false, ...(reason === undefined ? {} : { reason }) }),
        ...refOf(ref),
      });
      for (const batch of others) {
        this.#seam.admit(batch);
        this.#send(renderLines(name, batch, this.#format, { backlog: true }));
      }
      for (const part of parts) this.#sendBacklog(name, part);
      this.#seam.begin(node, parts);
      return place;
    };
  }

  #sendBacklog(log: string, { file, lines }: FileBacklog): void {
    const { node } = this.#context;
    const collector = new LineCollector();
    const send = (): void =>
      this.#send(renderLines(log, { node, file, ...collector.take() }, this.#format, { backlog: true }));
    for (const text of lines) {
      const line = { text, bytes: 0 };
      if (!collector.fits(line)) send();
      collector.add(line);
    }
    if (collector.count > 0) send();
  }

  #show(log: string, publication: Publication): Message | undefined {
    const { messages } = this.#context;
    const batch = messages.batch(publication);
    if (batch === undefined) return messages.whole(log, publication, this.#format);
    const { batch: shown, gap } = this.#seam.admit(batch);
    if (gap) this.tell({ type: 'gap', log });
    if (shown === undefined) return undefined;
    if (shown === batch) return messages.whole(log, publication, this.#format);
    return renderLines(log, shown, this.#format, placeOf(publication));
  }

  #send(message: Message | undefined): void {
    if (message === undefined || this.#connection === undefined) return;
    this.#context.gateway.send(this.#connection, message.data, message.kind);
  }
}

/** Sends what a log begins with. @returns up to where publications are known by it; undefined: none is */
type Begin = () => Position | undefined;

/** Shares the room fairly: there may be many nodes. */
function linesOfOthers({ nodes }: RecentLines, own: string, tail: number): readonly LineBatch[] {
  const others = [...nodes].filter(([node]) => node !== own);
  const bytes = Math.min(backlogBytes, Math.floor(othersBytes / Math.max(1, others.length)));
  return others.flatMap(([, { batches }]) => lastLines(batches, { lines: tail, bytes }));
}

function refOf(ref: string | undefined): { readonly ref?: string } {
  return ref === undefined ? {} : { ref };
}

class HeldPublications {
  readonly publications: Publication[] = [];
  dropped = false;
  #bytes = 0;

  push(publication: Publication): void {
    this.publications.push(publication);
    this.#bytes += publication.data.length;
    while (this.#bytes > heldBytes) {
      this.#bytes -= this.publications.shift()?.data.length ?? 0;
      this.dropped = true;
    }
  }
}
