import type { IncomingMessage } from 'node:http';
import type { MessageKind } from '../../broker/broker.ts';
import type { Connection } from '../../gateway/connection.ts';
import type { HandshakeOptions } from '../../gateway/handshake-options.ts';
import { UnknownNodeError } from '../../gateway/errors.ts';
import { quote } from '../../lib/quote.ts';
import { isSeverityName } from '../../lib/severities.ts';
import type { AppContext } from '../app.ts';
import type { SocketEntry } from '../mount-socket-app.ts';
import { LineMessages } from './line-messages.ts';
import type { LogSource } from './log-source.ts';
import type { LogViewOptions } from './log-view-options.ts';
import {
  logViewSubprotocol,
  type LogViewClientMessage,
  type LogViewErrorMessage,
  type SeveritiesMessage,
} from './log-view-protocol.ts';
import { NodeWatch } from './node-watch.ts';
import { complaint, readClientMessage } from './read-client-message.ts';
import { RecentLinesReader } from './recent-lines.ts';
import { Viewer, type Choice } from './viewer.ts';

/** Longest message of a client, in bytes: all of them are short. */
const messageBytes = 16 * 1024;
/** Room for a second of a burst at the pace at which the logs are multicast, in bytes. */
const outboxBytes = 16 * 1024 * 1024;

/** Stands for all nodes in a `severity` message. */
const everyNode = '*';

type OpenRequest = LogViewClientMessage & { readonly type: 'open' };
type SeverityRequest = LogViewClientMessage & { readonly type: 'severity' };

export interface ViewOptions {
  readonly sources: ReadonlyMap<string, LogSource>;
  /** Milliseconds. */
  readonly refresh: number;
  /** Lines of backlog. */
  readonly tail: number;
}

/** All connections of this worker that watch logs, and what they say. */
export class LogViewers {
  readonly #context: AppContext;
  readonly #options: LogViewOptions;
  readonly #view: ViewOptions;
  readonly #messages = new LineMessages();
  /** JSON viewers, and whether they may set severities. */
  readonly #open = new Map<Viewer, boolean>();
  readonly #unwatch: () => void;
  readonly #nodes: NodeWatch;
  readonly #recent: RecentLinesReader;

  constructor(context: AppContext, options: LogViewOptions, view: ViewOptions) {
    this.#context = context;
    this.#options = options;
    this.#view = view;
    this.#recent = new RecentLinesReader(context.gateway, context.node.name);
    this.#nodes = new NodeWatch(context.gateway, (nodes) => {
      for (const viewer of this.#open.keys()) viewer.tell({ type: 'nodes', nodes });
    });
    this.#unwatch = context.node.severities.watch(() => {
      for (const [viewer, canSet] of this.#open) viewer.tell(this.#severities(canSet));
    });
  }

  close(): void {
    this.#unwatch();
    this.#nodes.stop();
  }

  /** Whether a request's `log` is one of the logs; a request without it is for the first one. */
  exists(query: URLSearchParams): boolean {
    const names = query.getAll('log');
    return names.length === 0 || (names.length === 1 && this.#view.sources.has(names[0] ?? ''));
  }

  accept(request: IncomingMessage, entry: SocketEntry): void {
    const { gateway, log, node } = this.#context;
    const canSet = this.#options.auth !== undefined || entry.identity !== undefined;
    const viewer = new Viewer({ gateway, log, node: node.name, messages: this.#messages, recent: this.#recent });
    const options: HandshakeOptions = {
      subprotocols: (offered) => (offered.includes(logViewSubprotocol) ? logViewSubprotocol : offered[0]),
      encoding: () => viewer,
      onMessage: (connection, data, kind) => this.#hear(viewer, connection, data, kind),
      onClose: () => this.#left(viewer),
      limits: { messageBytes, outboxBytes, ...this.#options.limits },
    };
    const connection = gateway.handshake(request, options, entry);
    if (connection === undefined) return;
    viewer.attach(connection);
    if (viewer.isJson) this.#welcome(viewer, canSet);
    if (viewer.isJson && entry.query.has('wait')) return;
    const name = entry.query.get('log') ?? this.#firstLog;
    if (name !== undefined) this.#choose(viewer, { type: 'open', log: name });
  }

  get #firstLog(): string | undefined {
    for (const name of this.#view.sources.keys()) return name;
    return undefined;
  }

  #welcome(viewer: Viewer, canSet: boolean): void {
    const { node } = this.#context;
    const { refresh, tail, sources } = this.#view;
    this.#open.set(viewer, canSet);
    viewer.tell({ type: 'welcome', node: node.name, worker: node.worker, logs: [...sources.keys()], refresh, tail });
    viewer.tell(this.#severities(canSet));
    const { nodes } = this.#nodes;
    if (nodes !== undefined) viewer.tell({ type: 'nodes', nodes });
    this.#nodes.start();
  }

  #left(viewer: Viewer): void {
    this.#open.delete(viewer);
    if (this.#open.size === 0) this.#nodes.stop();
  }

  #hear(viewer: Viewer, connection: Connection, data: Buffer, kind: MessageKind): void | Promise<void> {
    if (!viewer.isJson) return;
    const message =
      kind === 'binary'
        ? complaint('bad-message', 'the message is binary; expected JSON in a text message')
        : readClientMessage(data.toString());
    switch (message.type) {
      case 'error':
        return viewer.tell(message);
      case 'open':
        return this.#choose(viewer, message);
      case 'severities':
        return viewer.tell({ ...this.#severities(this.#canSet(viewer)), ...refOf(message) });
      case 'severity':
        return this.#throwSwitch(viewer, connection, message);
    }
  }

  #choose(viewer: Viewer, { log: name, tail = this.#view.tail, since, ref }: OpenRequest): void {
    const source = this.#view.sources.get(name);
    if (source === undefined) {
      viewer.tell(complaint('unknown-log', 'log: there is none of this name', ref));
      return;
    }
    const choice: Choice = { name, source, tail, since, ref };
    // It never rejects: the viewer tells its client of a failure.
    void viewer.open(choice);
  }

  async #throwSwitch(viewer: Viewer, connection: Connection, message: SeverityRequest): Promise<void> {
    const { log, node, gateway } = this.#context;
    const { name, on, ref, node: target = node.name } = message;
    if (!this.#canSet(viewer)) {
      viewer.tell(complaint('not-allowed', 'severities can only be set by clients that say who they are', ref));
      return;
    }
    if (!isSeverityName(name)) {
      viewer.tell(complaint('unknown-severity', 'name: there is no severity of this name', ref));
      return;
    }
    const isHere = target === node.name;
    if (!isHere || node.severities.isOn(name) !== on) {
      const by = { connection: connection.id, user: connection.identity?.user, address: connection.address };
      log.info(
        { event: 'severity-set', severity: name, on, node: target, ...by },
        'a viewer of the logs switched a severity',
      );
    }
    try {
      if (isHere) node.severities.set({ [name]: on });
      else await gateway.setSeverities({ [name]: on }, target === everyNode ? undefined : target);
    } catch (error) {
      viewer.tell(refusal(error, target, ref));
      return;
    }
    this.#nodes.refresh();
    if (ref !== undefined) viewer.tell({ type: 'done', ref });
  }

  #canSet(viewer: Viewer): boolean {
    return this.#open.get(viewer) ?? false;
  }

  #severities(canSet: boolean): SeveritiesMessage {
    return { type: 'severities', state: this.#context.node.severities.state, canSet };
  }
}

/** Why a severity could not be switched on another node. */
function refusal(error: unknown, node: string, ref: string | undefined): LogViewErrorMessage {
  if (error instanceof UnknownNodeError)
    return complaint('unknown-node', `node: there is none of the name ${quote(node)} in the cluster`, ref);
  return complaint('not-accepted', 'the severity cannot be switched on other nodes at the moment', ref);
}

function refOf({ ref }: { readonly ref?: string }): { readonly ref?: string } {
  return ref === undefined ? {} : { ref };
}
