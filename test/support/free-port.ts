import { createServer } from 'node:net';

/**
 * Below the range from which the kernel takes ports for outgoing connections (Linux: from 32768 on), so that nobody
 * takes the port of a server that is away for a while; a client that tries it again and again could even be connected
 * to itself.
 */
const range = { from: 10_000, to: 32_767 };

/** A port nobody listens on now, for servers that cannot be told "any". Whoever is unlucky with it tries another. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = range.from + Math.floor(Math.random() * (range.to - range.from));
    if (await canListen(port)) return port;
  }
}

async function canListen(port: number): Promise<boolean> {
  const server = createServer();
  const listens = await new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => resolve(true));
  });
  if (listens) await new Promise((resolve) => server.close(resolve));
  return listens;
}
