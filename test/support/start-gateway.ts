import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createGateway, type CreateGatewayOptions } from '../../src/index.ts';
import type { Connection } from '../../src/gateway/connection.ts';
import type { Gateway } from '../../src/gateway/gateway.ts';
import type { HandshakeOptions } from '../../src/gateway/handshake-options.ts';

export interface StartedGateway extends AsyncDisposable {
  readonly gateway: Gateway;
  readonly port: number;
  readonly url: string;
}

/**
 * A gateway behind a plain `node:http` server on a free port, as a program that embeds Carillon would have it.
 * @param onConnection called with each connection; what it returns is not waited for
 */
export async function startGateway(
  handshake: HandshakeOptions = {},
  options: CreateGatewayOptions = {},
  onConnection: (connection: Connection, gateway: Gateway) => void | Promise<unknown> = () => {},
): Promise<StartedGateway> {
  const gateway = await createGateway({ closeTimeoutMs: 1_000, ...options });
  const server = createServer((_request, response) => response.writeHead(426).end());
  server.on('upgrade', (request, _socket, head) => {
    const connection = gateway.handshake(request, handshake, { head });
    if (connection !== undefined) void onConnection(connection, gateway);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    gateway,
    port,
    url: `ws://127.0.0.1:${port}/`,
    async [Symbol.asyncDispose]() {
      await gateway.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
