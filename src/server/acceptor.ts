import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { listenError } from './listen-error.ts';
import type { ListenOptions } from './server-options.ts';

/** Connections that may wait in the kernel, which cuts this to its own limit (net.core.somaxconn). */
const backlog = 4096;

export interface AcceptorListener {
  /** A new connection, from here on the listener's. */
  accepted(socket: Socket): void;
  /** The system could not accept one, for instance because the process has no file descriptor left. */
  failed(error: Error): void;
}

/**
 * Accepts connections, or leaves them to others for a while; what it accepted it hands on and forgets. In a worker
 * process the listening socket comes from the primary and is shared by all workers that listen.
 */
export class Acceptor {
  readonly #options: ListenOptions;
  readonly #server: Server;

  constructor(options: ListenOptions, listener: AcceptorListener) {
    this.#options = options;
    // Half-open as in Node's own HTTP server: a client may end its side and still wait for the answer.
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => listener.accepted(socket));
    this.#server.on('error', (error) => {
      // Before it listens the error is that of `listen`.
      if (this.#server.listening) listener.failed(error);
    });
  }

  /**
   * @param port the real one where the options say 0
   * @returns the port
   * @throws StartError naming address and configuration key
   */
  async listen(port: number): Promise<number> {
    const server = this.#server;
    const { host } = this.#options;
    await new Promise<void>((resolve, reject) => {
      const failed = (error: Error): void => reject(listenError('', { host, port }, error));
      server.once('error', failed);
      server.listen({ host, port, backlog }, () => {
        server.off('error', failed);
        resolve();
      });
    });
    return (server.address() as AddressInfo).port;
  }

  /** Connections that are there already are not touched, and those that wait in the kernel stay for the others. */
  pause(): void {
    if (this.#server.listening) this.#server.close();
  }
}
