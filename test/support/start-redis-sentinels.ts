import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { Redis } from 'ioredis';
import { freePort } from './free-port.ts';
import { startAll, stopAll } from './start-all.ts';
import { startRedis, type RedisServer } from './start-redis.ts';
import { temporaryFolder } from './temporary-folder.ts';
import { until } from './until.ts';

const sentinelCount = 3;
const quorum = 2;
const name = 'bells';
/** Ends a second try for one primary before it begins, in milliseconds: Sentinel waits twice as long between two. */
const failoverTimeoutMs = 3_000;

/** A primary with a replica, watched by three sentinels. */
export interface RedisSentinels extends AsyncDisposable {
  /** The name under which the sentinels know the primary. */
  readonly name: string;
  /** What goes into `redis.sentinels.nodes`. */
  readonly addresses: readonly { readonly host: string; readonly port: number }[];
  readonly servers: readonly [RedisServer, RedisServer];
  /** Who is the primary, as the sentinels see it. */
  primary(): Promise<RedisServer>;
  /**
   * Resolves when the other server is the primary and all sentinels say so. `command`: the old one lives on as its
   * replica. `kill`: the old one is gone with SIGKILL; `restart` brings it back, and the sentinels make it a replica.
   */
  failover(how: 'command' | 'kill'): Promise<void>;
}

interface Sentinel extends AsyncDisposable {
  readonly port: number;
  readonly admin: Redis;
}

/** @param downAfterMs after so long without an answer a sentinel takes the primary for gone */
export async function startRedisSentinels({ downAfterMs = 1_000 } = {}): Promise<RedisSentinels> {
  const started: AsyncDisposable[] = [];
  const keep = <T extends AsyncDisposable>(one: T): T => {
    started.push(one);
    return one;
  };
  try {
    const eager = ['--repl-diskless-sync-delay', '0'];
    const first = keep(await startRedis({ args: eager }));
    const second = keep(await startRedis({ args: [...eager, '--replicaof', first.host, String(first.port)] }));
    await until(async () => (await second.admin.info('replication')).includes('master_link_status:up'), {
      what: 'the replica has what its primary has',
    });
    const sentinels = await startAll(Array.from({ length: sentinelCount }, () => startSentinel(first, downAfterMs)));
    for (const sentinel of sentinels) keep(sentinel);
    await until(async () => (await Promise.all(sentinels.map(isComplete))).every(Boolean), {
      deadlineMs: 30_000,
      what: 'the sentinels know each other and the replica',
    });
    return new StartedSentinels([first, second], sentinels);
  } catch (error) {
    await stopAll(started);
    throw error;
  }
}

class StartedSentinels implements RedisSentinels {
  readonly name = name;
  readonly servers: readonly [RedisServer, RedisServer];
  readonly #sentinels: readonly Sentinel[];

  constructor(servers: readonly [RedisServer, RedisServer], sentinels: readonly Sentinel[]) {
    this.servers = servers;
    this.#sentinels = sentinels;
  }

  get addresses(): { host: string; port: number }[] {
    return this.#sentinels.map(({ port }) => ({ host: '127.0.0.1', port }));
  }

  async primary(): Promise<RedisServer> {
    const ports = new Set(await Promise.all(this.#sentinels.map(primaryPort)));
    const [port] = ports;
    const server = this.servers.find((candidate) => candidate.port === port);
    if (ports.size !== 1 || server === undefined) throw new Error('the sentinels do not agree on the primary');
    return server;
  }

  async failover(how: 'command' | 'kill'): Promise<void> {
    const old = await this.primary();
    const next = this.servers[0] === old ? this.servers[1] : this.servers[0];
    if (how === 'kill') await old.stop('SIGKILL');
    else {
      // Refused while it does not know the replica, or works at the last failover.
      const order = (): Promise<boolean> =>
        this.#sentinels[0]?.admin.call('SENTINEL', 'FAILOVER', name).then(
          () => true,
          () => false,
        ) ?? Promise.resolve(false);
      await until(order, { deadlineMs: 20_000, everyMs: 100, what: 'a sentinel begins a failover' });
    }
    await until(
      async () => {
        const ports = await Promise.all(this.#sentinels.map(primaryPort));
        if (ports.some((port) => port !== next.port)) return false;
        return (await next.admin.info('replication')).includes('role:master');
      },
      { deadlineMs: 30_000, everyMs: 50, what: 'the sentinels have made the other server the primary' },
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await stopAll([...this.servers, ...this.#sentinels]);
  }
}

async function startSentinel(primary: RedisServer, downAfterMs: number): Promise<Sentinel> {
  for (let attempt = 0; ; attempt++) {
    const port = await freePort();
    const sentinel = await launchSentinel(port, [
      `port ${port}`,
      'bind 127.0.0.1',
      `sentinel monitor ${name} ${primary.host} ${primary.port} ${quorum}`,
      `sentinel down-after-milliseconds ${name} ${downAfterMs}`,
      `sentinel failover-timeout ${name} ${failoverTimeoutMs}`,
    ]);
    if (sentinel !== undefined) return sentinel;
    if (attempt === 5) throw new Error('redis-server: no port for a sentinel');
  }
}

/** @returns undefined when the port is taken */
async function launchSentinel(port: number, config: readonly string[]): Promise<Sentinel | undefined> {
  // A sentinel writes what it learns into its configuration.
  const folder = await temporaryFolder({ 'sentinel.conf': `${config.join('\n')}\n` });
  const given = [folder.file('sentinel.conf'), '--sentinel', '--dir', folder.path];
  const child = spawn('/usr/bin/redis-server', given, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  await until(() => output.includes('+monitor master') || child.exitCode !== null, { what: 'a sentinel is ready' });
  if (child.exitCode !== null) {
    await folder[Symbol.asyncDispose]();
    if (output.includes('Address already in use')) return undefined;
    throw new Error(`the sentinel did not start: ${output}`);
  }
  const admin = new Redis({ host: '127.0.0.1', port, lazyConnect: true, retryStrategy: () => 50 });
  admin.on('error', () => {});
  return {
    port,
    admin,
    async [Symbol.asyncDispose]() {
      admin.disconnect();
      await end(child);
      await folder[Symbol.asyncDispose]();
    },
  };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}

async function isComplete({ admin }: Sentinel): Promise<boolean> {
  const facts = (await admin.call('SENTINEL', 'MASTER', name)) as string[];
  const fact = (key: string): number => Number(facts[facts.indexOf(key) + 1]);
  return fact('num-other-sentinels') === sentinelCount - 1 && fact('num-slaves') === 1;
}

async function primaryPort({ admin }: Sentinel): Promise<number> {
  const answer = (await admin.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', name)) as [string, string];
  return Number(answer[1]);
}
