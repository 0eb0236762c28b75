import type { IncomingMessage } from 'node:http';
import type { MessageKind } from '../../broker/broker.ts';
import type { Connection } from '../../gateway/connection.ts';
import type { HandshakeOptions } from '../../gateway/handshake-options.ts';
import { isSeverityName } from '../../lib/severities.ts';
import type { AppContext } from '../app.ts';
import type { SocketEntry } from '../mount-socket-app.ts';
import { LineMessages } from './line-messages.ts';
import type { LogSource } from './log-source.ts';
import type { LogViewOptions } from './log-view-options.ts';
import { logViewSubprotocol, type LogViewClientMessage, type SeveritiesMessage } from './log-view-protocol.ts';
import { complaint, readClientMessage } from './read-client-message.ts';
import { Viewer, type Choice } from './viewer.ts';

/** Longest message of a client, in bytes: all of them are short. */
const messageBytes = 16 * 1024;
/** Room for a second of a burst at the pace at which the logs are multicast, in bytes. */
const outboxBytes = 16 * 1024 * 1024;

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

  constructor(context: AppContext, options: LogViewOptions, view: ViewOptions) {
    this.#context = context;
    this.#options = options;
    this.#view = view;
    this.#unwatch = context.node.severities.watch(() => {
      for (const [viewer, canSet] of this.#open) viewer.tell(this.#severities(canSet));
    });
  }

  close(): void {
    this.#unwatch();
  }

  /** Whether a request's `log` is one of the logs; a request without it is for the first one. */
  exists(query: URLSearchParams): boolean {
    const names = query.getAll('log');
    return names.length === 0 || (names.length === 1 && this.#view.sources.has(names[0] ?? ''));
  }

  accept(request: IncomingMessage, entry: SocketEntry): void {
    const { gateway, log, node } = this.#context;
    const canSet = this.#options.auth !== undefined || entry.identity !== undefined;
    const viewer = new Viewer({ gateway, log, node: node.name, messages: this.#messages });
    const options: HandshakeOptions = {
      subprotocols: (offered) => (offered.includes(logViewSubprotocol) ? logViewSubprotocol : offered[0]),
      encoding: () => viewer,
      onMessage: (connection, data, kind) => this.#hear(viewer, connection, data, kind),
      onClose: () => void this.#open.delete(viewer),
      limits: { messageBytes, outboxBytes, ...this.#options.limits },
    };
    const connection = gateway.handshake(request, options, entry);
    if (connection === undefined) return;
    viewer.attach(connection);
    if (viewer.isJson) this.#welcome(viewer, canSet);
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
  }

  #hear(viewer: Viewer, connection: Connection, data: Buffer, kind: MessageKind): void {
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

  #choose(viewer: Viewer, { log: name, tail = this.#view.tail, ref }: LogViewClientMessage & { type: 'open' }): void {
    const source = this.#view.sources.get(name);
    if (source === undefined) {
      viewer.tell(complaint('unknown-log', 'log: there is none of this name', ref));
      return;
    }
    const choice: Choice = { name, source, tail, ref };
    // It never rejects: the viewer tells its client of a failure.
    void viewer.open(choice);
  }

  #throwSwitch(viewer: Viewer, connection: Connection, message: LogViewClientMessage & { type: 'severity' }): void {
    const { log, node } = this.#context;
    const { name, on, ref } = message;
    if (!this.#canSet(viewer)) {
      viewer.tell(complaint('not-allowed', 'severities can only be set by clients that say who they are', ref));
      return;
    }
    if (!isSeverityName(name)) {
      viewer.tell(complaint('unknown-severity', 'name: there is no severity of this name', ref));
      return;
    }
    if (node.severities.isOn(name) !== on) {
      const by = { user: connection.identity?.user, address: connection.address };
      log.info({ event: 'severity-set', severity: name, on, ...by }, 'a viewer of the logs switched a severity');
      node.severities.set({ [name]: on });
    }
    if (ref !== undefined) viewer.tell({ type: 'done', ref });
  }

  #canSet(viewer: Viewer): boolean {
    return this.#open.get(viewer) ?? false;
  }

  #severities(canSet: boolean): SeveritiesMessage {
    return { type: 'severities', state: this.#context.node.severities.state, canSet };
  }
}

function refOf({ ref }: { readonly ref?: string }): { readonly ref?: string } {
  return ref === undefined ? {} : { ref };
}
