import { fork } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';

export interface IdleReport {
  /** Of JavaScript objects, after a garbage collection. */
  readonly heapBytes: number;
  /** How many of the requests that became connections are still in memory. */
  readonly requestsKept: number;
}

export interface IdleServer extends AsyncDisposable {
  /** Opens this many connections, and leaves them alone. */
  open(count: number): Promise<void>;
  report(): Promise<IdleReport>;
}

const handshake = [
  'GET / HTTP/1.1',
  'Host: 127.0.0.1',
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  'User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0',
  '',
  '',
].join('\r\n');
/** Connections that are opened at the same time. */
const atOnce = 50;

/** Starts `idle-server.mjs`. */
export async function startIdleServer(kind: 'ws' | 'echo' | 'chat'): Promise<IdleServer> {
  const script = fileURLToPath(new URL('idle-server.mjs', import.meta.url));
  const child = fork(script, [kind], { execArgv: ['--expose-gc'] });
  const exited = once(child, 'exit');
  const ask = async (): Promise<unknown> => {
    const answer = await Promise.race([once(child, 'message'), exited]);
    if (child.exitCode !== null) throw new Error(`the idle server ended with exit code ${child.exitCode}`);
    return answer[0];
  };
  const { port } = (await ask()) as { port: number };
  const sockets: Socket[] = [];
  return {
    async open(count) {
      for (let opened = 0; opened < count; opened += atOnce) {
        sockets.push(
          ...(await Promise.all(Array.from({ length: Math.min(atOnce, count - opened) }, () => openOne(port)))),
        );
      }
    },
    async report() {
      const answer = ask();
      child.send('report');
      return (await answer) as IdleReport;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      child.kill('SIGKILL');
      await exited;
    },
  };
}

async function openOne(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  await once(socket, 'connect');
  socket.write(handshake);
  const [answer] = (await once(socket, 'data')) as [Buffer];
  if (!answer.toString('latin1').startsWith('HTTP/1.1 101')) throw new Error(answer.toString('latin1'));
  socket.resume();
  return socket;
}
