/**
 * The page's end of `carillon.log-view.v1`: one client that reconnects, opens the chosen log, and after a loss joins
 * what the backlog brings to what was there, without a line twice. It knows nothing of the document.
 */
import { open, type Client, type StateChange } from '../../../client/open-browser.ts';
import { hintedDelayMs } from '../../../client/retry-advice.ts';
import { fullJitterDelayMs } from '../../../lib/backoff.ts';
import { backlogLines, logViewSubprotocol } from '../log-view-protocol.ts';
import type {
  LinesMessage,
  LogFile,
  LogViewClientMessage,
  LogViewErrorMessage,
  LinesPosition,
  LogViewServerMessage,
  LossReason,
  NodeState,
  OpenedMessage,
  SeveritiesMessage,
} from '../log-view-protocol.ts';
import { Journal } from './journal.ts';
import { hole, joined, lostFor } from './loss-words.ts';
import { fileKey, rejoin } from './rejoin.ts';

export type LinkState =
  | { readonly state: 'connecting' }
  | { readonly state: 'open' }
  /** @param retryAt by the clock of `Date.now()` */
  | { readonly state: 'waiting'; readonly retryAt: number }
  | { readonly state: 'closed'; readonly reason: string };

export interface LinesOrigin {
  readonly node: string;
  readonly file: string;
  /** False: from the backlog. */
  readonly live: boolean;
}

export interface FeedEvents {
  link(state: LinkState): void;
  /** Names of the logs there are, and the node and worker that hold the connection. */
  logs(names: readonly string[], where: string): void;
  /** Another log begins; what is shown of the one before goes. */
  opened(log: string, files: readonly LogFile[]): void;
  lines(from: LinesOrigin, lines: readonly string[]): void;
  severities(state: SeveritiesMessage['state'], canSet: boolean): void;
  /** The nodes of the cluster. @param own the one that holds the connection */
  nodes(nodes: readonly NodeState[], own: string): void;
  /** Something the reader should know at this place between the lines. */
  notice(text: string): void;
  /** A request was refused. */
  problem(message: string): void;
}

/** Name shown for lines that another program published into the log's subscription. */
export const publishedNode = 'published';

const openAgainMs = 3_000;

const retryBounds = { baseMs: 500, capMs: 15_000 };

/** Backlog of a reconnection while it comes in. */
interface Resumption {
  readonly ref: string;
  /** Lines that are still to come; undefined until `opened` says it. */
  missing: number | undefined;
  readonly batches: LinesMessage[];
  readonly lostAt: number;
  /** Why the server could not go on from the position; undefined: it was not asked to. */
  reason: LossReason | undefined;
  absent: readonly string[];
}

export class LogFeed {
  readonly #url: string;
  readonly #events: FeedEvents;
  readonly #journal = new Journal();
  #client: Client | undefined;
  #attempt = 0;
  #retry: ReturnType<typeof setTimeout> | undefined;
  /** Asks again for a log that the server could not open. */
  #openAgain: ReturnType<typeof setTimeout> | undefined;
  /** The log that is watched first: the one the URL names, otherwise the server's first. */
  #firstLog: string | undefined;
  /** The log that is watched. */
  #log: string | undefined;
  /** Another log that was asked for, until the server answers. */
  #switch: { readonly log: string; readonly ref: string } | undefined;
  /** The node that holds the connection, and all that lines came from. */
  #ownNode = '';
  readonly #nodes = new Set<string>();
  /** Up to where of the log's history all came; undefined: it has none, or no line came yet. */
  #position: LinesPosition | undefined;
  #resumption: Resumption | undefined;
  #lostAt: number | undefined;
  /** The server said when to come back, and let this client in again: a loss that the reader need not hear of. */
  #wasAsked = false;
  #refs = 0;

  /** @param url the socket's, with the query that says which log comes first */
  constructor(url: string, events: FeedEvents) {
    const address = new URL(url);
    this.#firstLog = address.searchParams.get('log') ?? undefined;
    // The page says itself which log it wants to see, and how far it has it.
    address.searchParams.delete('log');
    address.searchParams.set('wait', '1');
    this.#url = address.href;
    this.#events = events;
  }

  /** Runs as long as the page does. */
  start(): void {
    clearTimeout(this.#retry);
    this.#retry = undefined;
    this.#events.link({ state: 'connecting' });
    const opening = open(this.#url, {
      subprotocols: [logViewSubprotocol],
      inboxBytes: 64 * 1024 * 1024,
      reconnect: retryBounds,
      onState: (change) => this.#changed(change),
    });
    opening.then(
      (client) => this.#read(client),
      () => this.#retryLater(),
    );
  }

  /** Tries now instead of after the delay, or again after the server closed for good. */
  tryNow(): void {
    if (this.#retry !== undefined || this.#client?.state === 'closed') this.start();
    else if (this.#client?.state === 'reconnecting') {
      this.#events.link({ state: 'connecting' });
      this.#client.retryNow();
    }
  }

  watch(log: string): void {
    clearTimeout(this.#openAgain);
    this.#resumption = undefined;
    this.#switch = { log, ref: this.#ref() };
    this.#send({ type: 'open', ...this.#switch });
  }

  /**
   * @param node `*` for all; absent: the one that holds the connection
   * @returns false when there is no connection to send it over
   */
  setSeverity(name: string, on: boolean, node?: string): boolean {
    return this.#send({ type: 'severity', name, on, ...(node === undefined ? {} : { node }), ref: this.#ref() });
  }

  async #read(client: Client): Promise<void> {
    this.#client = client;
    for await (const message of client) {
      if (typeof message === 'string') this.#take(JSON.parse(message) as LogViewServerMessage);
    }
  }

  #changed(change: StateChange): void {
    if (change.state === 'open') this.#events.link({ state: 'open' });
    else if (change.state === 'reconnecting') {
      this.#lost();
      this.#wasAsked = hintedDelayMs(change.end) !== undefined;
      this.#events.link(
        this.#wasAsked ? { state: 'connecting' } : { state: 'waiting', retryAt: Date.now() + change.delayMs },
      );
    } else if (change.state === 'closed') {
      this.#lost();
      const { code, reason } = change.end;
      this.#events.link({ state: 'closed', reason: reason === '' ? `code ${code}` : reason });
    }
  }

  #lost(): void {
    this.#lostAt ??= Date.now();
    this.#resumption = undefined;
    clearTimeout(this.#openAgain);
  }

  /** The client itself reconnects only after a first success. */
  #retryLater(): void {
    const delayMs = fullJitterDelayMs(this.#attempt++, retryBounds);
    this.#retry = setTimeout(() => this.start(), delayMs);
    this.#events.link({ state: 'waiting', retryAt: Date.now() + delayMs });
  }

  #take(message: LogViewServerMessage): void {
    switch (message.type) {
      case 'welcome':
        this.#attempt = 0;
        this.#ownNode = message.node;
        this.#firstLog ??= message.logs[0];
        this.#events.logs(
          message.logs,
          message.worker === 0 ? message.node : `${message.node}, worker ${message.worker}`,
        );
        this.#begin();
        break;
      case 'severities':
        this.#events.severities(message.state, message.canSet);
        break;
      case 'nodes':
        this.#events.nodes(message.nodes, this.#ownNode);
        break;
      case 'opened':
        this.#opened(message);
        break;
      case 'lines':
        this.#lines(message);
        break;
      case 'gap':
        if (!this.#isAside(message.log)) this.#events.notice(hole(message));
        break;
      case 'error':
        this.#refused(message);
        break;
      default: // `done`, and what later servers may say.
    }
  }

  #begin(): void {
    const log = this.#switch?.log ?? (this.#log === undefined ? this.#firstLog : undefined);
    if (log !== undefined) this.watch(log);
    else if (this.#log !== undefined) this.#resume(this.#lostAt ?? Date.now());
    this.#lostAt = undefined;
  }

  #resume(lostAt: number): void {
    if (this.#log === undefined) return;
    const ref = this.#ref();
    this.#resumption = { ref, missing: undefined, batches: [], lostAt, reason: undefined, absent: [] };
    const since = this.#position;
    // Where all that was missed comes anyway there is no backlog; else what is known is looked for in a long one.
    this.#send({ type: 'open', log: this.#log, tail: backlogLines, ...(since && { since }), ref });
  }

  #opened(message: OpenedMessage): void {
    if (this.#resumption) {
      if (message.ref !== this.#resumption.ref) return;
      this.#position = message.position;
      if (message.recovered === true) return this.#recovered(this.#resumption);
      this.#resumption.missing = message.backlog;
      this.#resumption.reason = message.reason;
      this.#resumption.absent = message.absent ?? [];
      this.#finishResumption();
      return;
    }
    if (this.#switch && message.ref !== this.#switch.ref) return;
    this.#switch = undefined;
    this.#log = message.log;
    this.#journal.clear();
    this.#nodes.clear();
    this.#position = message.position;
    this.#events.opened(message.log, message.files);
    this.#tellAbsent(message.absent ?? []);
  }

  #refused({ code, message, ref }: LogViewErrorMessage): void {
    const resumption = ref !== undefined && ref === this.#resumption?.ref ? this.#resumption : undefined;
    const change = ref !== undefined && ref === this.#switch?.ref ? this.#switch : undefined;
    const beginning = this.#log === undefined ? { log: this.#firstLog } : undefined;
    this.#events.problem(message);
    if (resumption) this.#resumption = undefined;
    if (change) this.#switch = undefined;
    // Where the server could not open a log, it shows none.
    if (code !== 'not-accepted') return;
    const log = (change ?? beginning)?.log;
    if (resumption) this.#openAgain = setTimeout(() => this.#resume(resumption.lostAt), openAgainMs);
    else if (log !== undefined) this.#openAgain = setTimeout(() => this.watch(log), openAgainMs);
  }

  /** What belongs to another `opened` than the one that is waited for. */
  #isAside(log: string): boolean {
    return (
      log !== this.#log ||
      this.#switch !== undefined ||
      (this.#resumption !== undefined && this.#resumption.missing === undefined)
    );
  }

  #lines(message: LinesMessage): void {
    if (this.#isAside(message.log)) return;
    this.#position = message.position ?? this.#position;
    if (this.#resumption && message.backlog) {
      this.#resumption.batches.push(message);
      this.#resumption.missing = (this.#resumption.missing ?? 0) - message.lines.length;
      this.#finishResumption();
    } else this.#give(message, message.lines);
  }

  #finishResumption(): void {
    const resumption = this.#resumption;
    if (resumption?.missing === undefined || resumption.missing > 0) return;
    this.#resumption = undefined;
    const { lostAt, reason, absent } = resumption;
    const { fresh, isWhole } = rejoin(this.#journal, this.#ownNode, resumption.batches);
    const others = [...this.#nodes].some((node) => node !== this.#ownNode);
    this.#tellLoss(lostAt, joined(isWhole, others, reason));
    this.#tellAbsent(absent);
    for (const [batch, lines] of fresh) this.#give(batch, lines);
  }

  /** What was missed follows, of all nodes. */
  #recovered({ lostAt }: Resumption): void {
    this.#resumption = undefined;
    this.#tellLoss(lostAt, undefined);
  }

  #tellLoss(lostAt: number, missing: string | undefined): void {
    if (missing === undefined && this.#wasAsked) return;
    this.#events.notice(`${lostFor(lostAt)}; ${missing ?? 'nothing is missing'}`);
  }

  #tellAbsent(nodes: readonly string[]): void {
    if (nodes.length === 0) return;
    const names = new Intl.ListFormat('en').format(nodes);
    this.#events.notice(`The last lines of ${names} are not known here; new ones will be shown`);
  }

  #give(from: LinesMessage, lines: readonly string[]): void {
    const node = from.node ?? publishedNode;
    this.#journal.note(fileKey(from), lines);
    this.#nodes.add(node);
    this.#events.lines({ node, file: from.file ?? '', live: from.backlog !== true }, lines);
  }

  #send(message: LogViewClientMessage): boolean {
    if (this.#client?.state !== 'open') return false;
    return this.#client.send(JSON.stringify(message));
  }

  #ref(): string {
    return String(++this.#refs);
  }
}
