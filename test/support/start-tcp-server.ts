import { createServer, type AddressInfo, type Socket } from 'node:net';

export interface StartedTcpServer extends AsyncDisposable {
  readonly port: number;
}

/** A TCP server that says what the test wants, or nothing. */
export async function startTcpServer(onSocket: (socket: Socket) => void = () => {}): Promise<StartedTcpServer> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    onSocket(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** A port of this machine at which nobody listens. */
export async function refusingPort(): Promise<number> {
  await using server = await startTcpServer();
  return server.port;
}
