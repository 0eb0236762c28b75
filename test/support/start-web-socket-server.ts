import { createServer as createHttpServer, type IncomingMessage } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { WebSocketServer, type ServerOptions, type WebSocket } from 'ws';

export interface StartedWebSocketServer extends AsyncDisposable {
  readonly port: number;
  readonly url: string;
  readonly clients: ReadonlySet<WebSocket>;
  /** Drops all connections and frees the port; idempotent. */
  stop(): Promise<void>;
}

interface StartOptions extends Pick<ServerOptions, 'handleProtocols' | 'perMessageDeflate' | 'verifyClient'> {
  /** Default: a free one. */
  readonly port?: number;
  /** Serves wss with this certificate. */
  readonly tls?: { readonly cert: string; readonly key: string };
}

/** A plain `ws` server: what a client meets that does not talk to Carillon. */
export async function startWebSocketServer(
  onConnection: (socket: WebSocket, request: IncomingMessage) => void = () => {},
  { port = 0, tls, ...serverOptions }: StartOptions = {},
): Promise<StartedWebSocketServer> {
  const server = tls === undefined ? createHttpServer() : createHttpsServer(tls);
  // Those of handshakes that are not answered, too: closing the server waits for every one.
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  const webSocketServer = new WebSocketServer({ server, ...serverOptions });
  webSocketServer.on('connection', (socket, request) => {
    socket.on('error', () => {});
    onConnection(socket, request);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  const { port: boundPort } = server.address() as AddressInfo;
  let stopped: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    stopped ??= new Promise((resolve) => {
      server.close(() => resolve());
      for (const socket of sockets) socket.destroy();
    });
    return stopped;
  };
  return {
    port: boundPort,
    url: `${tls === undefined ? 'ws' : 'wss'}://127.0.0.1:${boundPort}/`,
    clients: webSocketServer.clients,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/** Sends back what it gets, text as text and binary as binary. */
export function echo(socket: WebSocket): void {
  socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
}
