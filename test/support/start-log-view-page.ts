import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { WebSocketServer, type WebSocket } from 'ws';
import {
  logViewSubprotocol,
  type LinesPosition,
  type LogViewClientMessage,
  type LogViewServerMessage,
  type OpenedMessage,
} from '../../src/apps/log-view/log-view-protocol.ts';
import { answerPage } from '../../src/http/answer-page.ts';
import { loadPage, placePage } from '../../src/http/load-page.ts';

export interface StartedLogViewPage extends AsyncDisposable {
  readonly url: string;
  /** Connections of pages, in the order of their coming. */
  readonly connections: WebSocket[];
  /** What pages sent. */
  readonly received: LogViewClientMessage[];
  /** To every page that is connected. */
  send(...messages: readonly LogViewServerMessage[]): void;
  /** Ends every connection without a close frame, as a network does. */
  cut(): void;
}

interface StartOptions {
  readonly logs?: readonly string[];
  readonly canSet?: boolean;
  /** Answer to an `open`: the backlog, oldest first. Default: none. */
  readonly backlog?: (log: string) => readonly string[];
  /** More of the answer to an `open` with this `since`; with `recovered: true` there is no backlog. Default: nothing. */
  readonly opened?: (since: LinesPosition | undefined) => Partial<OpenedMessage>;
  readonly port?: number;
}

type OpenRequest = LogViewClientMessage & { readonly type: 'open' };

const directory = fileURLToPath(new URL('../../dist/pages/log-view/', import.meta.url));
const base = '/logs';

/** The built page of log-view behind a server that speaks its protocol as the test tells it to. */
export async function startLogViewPage(options: StartOptions = {}): Promise<StartedLogViewPage> {
  const { logs = ['app', 'access'], canSet = true, backlog = () => [], opened } = options;
  const files = placePage(await loadPage(directory), base);
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    const file = files.get(pathname === base ? 'index.html' : pathname.slice(base.length + 1));
    if (file) answerPage(request, response, file);
    else response.writeHead(404).end();
  });
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  const webSocketServer = new WebSocketServer({ server, handleProtocols: () => logViewSubprotocol });
  const connections: WebSocket[] = [];
  const received: LogViewClientMessage[] = [];
  webSocketServer.on('connection', (connection, request) => {
    const state = {
      error: true,
      warn: true,
      info: true,
      debug: false,
      'carillon:handshake': false,
      'carillon:subscription': false,
    };
    const tell = (message: LogViewServerMessage): void => connection.send(JSON.stringify(message));
    const openLog = ({ log, ref, since }: OpenRequest): void => {
      const facts: Partial<OpenedMessage> = opened?.(since) ?? {};
      const lines = facts.recovered === true ? [] : backlog(log);
      const files = [{ file: `${log}.log`, state: 'followed' as const }];
      tell({ type: 'opened', log, files, backlog: lines.length, ...facts, ...(ref !== undefined && { ref }) });
      for (let i = 0; i < lines.length; i += 1_000) {
        tell({ type: 'lines', log, node: 'a', file: `${log}.log`, lines: lines.slice(i, i + 1_000), backlog: true });
      }
    };
    connection.on('error', () => {});
    connection.on('message', (data: Buffer) => {
      const message = JSON.parse(data.toString()) as LogViewClientMessage;
      received.push(message);
      if (message.type === 'open') openLog(message);
      if (message.type === 'severity')
        tell({ type: 'severities', state: { ...state, [message.name]: message.on }, canSet });
    });
    connections.push(connection);
    tell({ type: 'welcome', node: 'a', worker: 1, logs, refresh: 250, tail: 100 });
    tell({ type: 'severities', state, canSet });
    const { searchParams } = new URL(request.url ?? '/', 'http://localhost');
    if (!searchParams.has('wait')) openLog({ type: 'open', log: searchParams.get('log') ?? logs[0] ?? '' });
  });
  server.listen(options.port ?? 0, '127.0.0.1');
  await once(server, 'listening');
  const cut = (): void => {
    for (const connection of webSocketServer.clients) connection.terminate();
  };
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}${base}`,
    connections,
    received,
    cut,
    send(...messages) {
      for (const message of messages)
        for (const connection of webSocketServer.clients) connection.send(JSON.stringify(message));
    },
    async [Symbol.asyncDispose]() {
      cut();
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, 'close');
    },
  };
}
