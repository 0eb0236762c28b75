import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { Redis } from 'ioredis';
import { freePort } from './free-port.ts';
import { temporaryFolder } from './temporary-folder.ts';
import { until } from './until.ts';

export interface RedisServer extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  /** `redis://127.0.0.1:<port>` */
  readonly url: string;
  /** Of the process that runs now. */
  readonly pid: number;
  /** A connection of the test's own; the server's end closes it. */
  readonly admin: Redis;
  signal(signal: NodeJS.Signals): void;
  /** Ends it with this signal (default SIGKILL) and waits until it is gone; its files stay. */
  stop(signal?: NodeJS.Signals): Promise<void>;
  /** Starts it again on the same port; `empty`: without what it had stored. */
  restart(options?: { readonly empty?: boolean }): Promise<void>;
}

export interface StartRedisOptions {
  /** Further arguments, such as `['--appendonly', 'yes']`. Default: nothing is stored. */
  readonly args?: readonly string[];
  /** Default: any free one. */
  readonly port?: number;
}

/** A real redis-server on 127.0.0.1, with a folder of its own. */
export async function startRedis({ args = [], port: wanted }: StartRedisOptions = {}): Promise<RedisServer> {
  const folder = await temporaryFolder();
  let port = wanted ?? (await freePort());
  let child: ChildProcess | undefined;

  const launch = async (): Promise<boolean> => {
    const given = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder.path, '--save', '', ...args];
    const started = spawn('/usr/bin/redis-server', given, { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    started.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    started.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
    await until(() => output.includes('eady to accept connections') || started.exitCode !== null, {
      what: 'redis-server is ready',
      // Reading what it had stored takes long on a disk that others use.
      deadlineMs: 30_000,
    });
    if (started.exitCode !== null) {
      if (output.includes('Address already in use')) return false;
      throw new Error(`redis-server did not start: ${output}`);
    }
    child = started;
    return true;
  };
  const stop = async (signal: NodeJS.Signals = 'SIGKILL'): Promise<void> => {
    const running = child;
    child = undefined;
    if (running === undefined || running.exitCode !== null || running.signalCode !== null) return;
    const gone = once(running, 'exit');
    running.kill(signal);
    // One that is paused hears nothing else.
    if (signal !== 'SIGKILL') running.kill('SIGCONT');
    await gone;
  };

  for (let attempt = 0; !(await launch()); attempt++) {
    if (wanted !== undefined || attempt === 5) throw new Error(`redis-server: port ${port} is taken`);
    port = await freePort();
  }
  const admin = new Redis({ host: '127.0.0.1', port, lazyConnect: true, retryStrategy: () => 50 });
  // A server that is killed is what the tests are about.
  admin.on('error', () => {});

  return {
    host: '127.0.0.1',
    port,
    url: `redis://127.0.0.1:${port}`,
    admin,
    get pid() {
      return child?.pid ?? -1;
    },
    signal(signal) {
      child?.kill(signal);
    },
    stop,
    async restart({ empty = false } = {}) {
      await stop();
      if (empty) {
        await rm(folder.file('appendonlydir'), { recursive: true, force: true });
        await rm(folder.file('dump.rdb'), { force: true });
      }
      if (!(await launch())) throw new Error(`redis-server: port ${port} is taken`);
    },
    async [Symbol.asyncDispose]() {
      admin.disconnect();
      await stop();
      await folder[Symbol.asyncDispose]();
    },
  };
}
