import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

export interface StartedTcpProxy extends AsyncDisposable {
  readonly port: number;
  /** Whether new connections are taken; one that is not is reset. */
  isOpen: boolean;
  /** Lets nothing more through on the connections there are, and keeps them open: a network that has gone away. */
  freeze(): void;
}

/** Stands between a client and a server on 127.0.0.1, for faults that neither of them makes. */
export async function startTcpProxy(targetPort: number): Promise<StartedTcpProxy> {
  const sockets = new Set<Socket>();
  const keep = (socket: Socket): void => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
  };
  const server = createServer((client) => {
    keep(client);
    if (!proxy.isOpen) return void client.resetAndDestroy();
    const upstream = connect(targetPort, '127.0.0.1');
    keep(upstream);
    client.pipe(upstream).pipe(client);
    client.on('close', () => upstream.destroy());
    upstream.on('close', () => client.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const proxy: StartedTcpProxy = {
    port: (server.address() as AddressInfo).port,
    isOpen: true,
    freeze() {
      for (const socket of sockets) socket.unpipe().pause();
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return proxy;
}
