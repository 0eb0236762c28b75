import { writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { quicken } from '../support/alert-rules.ts';
import { ChatClient } from '../support/chat-client.ts';
import { ChatPublisher } from '../support/chat-publisher.ts';
import { enterSlowly, MonitoredCluster } from '../support/monitored-cluster.ts';
import { untilGreen } from '../support/node-readiness.ts';
import { RecoveringChat } from '../support/recovering-chat.ts';
import { startAll, stopAll } from '../support/start-all.ts';
import type { Product } from '../support/start-product.ts';
import { TestClient } from '../support/test-client.ts';
import { until } from '../support/until.ts';

// With a minute for a second: what must last five minutes to be told of lasts five seconds here. Those alerts whose
// fault takes a bug of an app (CarillonAppErrors), hundreds of megabytes (CarillonIpcEvicted) or another process on the
// same port (CarillonNodeRestarts) are in deploy/prometheus/rules.test.yml alone.

const deadlineMs = 45_000;
let cluster: MonitoredCluster;
beforeAll(async () => {
  cluster = await MonitoredCluster.start({ rules: quicken });
});
afterAll(async () => {
  await cluster?.[Symbol.asyncDispose]();
});

/** Waits until all of these fire for the node, and keeps the fault up meanwhile. */
async function untilTold(
  node: string,
  alerts: readonly string[],
  keepUp: () => unknown = () => {},
  everyMs = 100,
): Promise<void> {
  const missing = new Set(alerts);
  const told = async (): Promise<boolean> => {
    await keepUp();
    for (const { name, labels } of await cluster.prometheus.firing()) if (labels['node'] === node) missing.delete(name);
    return missing.size === 0;
  };
  await until(told, { deadlineMs, everyMs }).catch((error: unknown) => {
    throw new Error(`of ${alerts.join(', ')} for ${node} did not fire: ${[...missing].join(', ')}`, { cause: error });
  });
}

/** Whatever fires from here on has its cause here. */
async function untilQuiet(node: string, alerts: readonly string[]): Promise<void> {
  const isQuiet = async (): Promise<boolean> =>
    (await cluster.prometheus.firing()).every(({ name, labels }) => labels['node'] !== node || !alerts.includes(name));
  await until(isQuiet, { deadlineMs, what: `${alerts.join(', ')} do not fire for ${node} any more` });
}

function matches(labels: Readonly<Record<string, string>>, expected: Readonly<Record<string, string>>): boolean {
  return Object.entries(expected).every(([name, value]) => labels[name] === value);
}

async function pidOf(node: Product, worker: number): Promise<number> {
  return await until(async () => (await node.workerPids()).get(worker), { what: `worker ${worker} runs` });
}

/** The operations port may still tell of one that is gone. */
function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** The worker stands still, and goes on when this leaves its scope. */
async function paused(node: Product, worker: number): Promise<Disposable> {
  const pid = await pidOf(node, worker);
  process.kill(pid, 'SIGSTOP');
  return { [Symbol.dispose]: () => process.kill(pid, 'SIGCONT') };
}

/** Two clients on two workers of the node. */
async function openOnTwo(node: Product, room: string): Promise<[ChatClient, ChatClient]> {
  const first = await ChatClient.open(node.socketUrl(room));
  const others: ChatClient[] = [];
  const second = await until(
    async () => {
      const client = await ChatClient.open(node.socketUrl(room));
      if (client.welcome.worker !== first.welcome.worker) return client;
      // It stays for a while: who has fewer takes the next.
      others.push(client);
      return false;
    },
    { what: 'a connection on another worker' },
  );
  await stopAll(others);
  return [first, second];
}

it('no alert fires while all is well', async () => {
  // From here on what happens for the first time is known to be new.
  const watched = async (): Promise<number> =>
    (await cluster.prometheus.query('carillon_ready offset 10s and carillon_ready == 1')).length;
  await until(async () => (await watched()) === 3, { deadlineMs });
  // How late event loops are here is the machine's affair, which does other things as well.
  const isQuiet = async (): Promise<boolean> =>
    (await cluster.prometheus.firing()).every(({ name }) => name === 'CarillonEventLoopSlow');
  await until(isQuiet, { deadlineMs });
});

describe.concurrent('on a node whose clients and workers are the trouble', () => {
  it.sequential('clients that do not read', async () => {
    const { one } = cluster;
    await using _closed = await enterSlowly(one, '/closing', 12);
    await using _dropping = await enterSlowly(one, '/dropping', 24);
    await untilTold('node-1', ['CarillonSlowConsumers', 'CarillonPublicationsDropped', 'CarillonOutboxesLarge'], () =>
      Promise.all([cluster.flood('/closing'), cluster.flood('/dropping')]),
    );
  });

  it.sequential('clients that come back and cannot be told what they missed', async () => {
    const since = { epoch: 'another', offset: 1 };
    const returning = Array.from({ length: 15 }, () =>
      ChatClient.open(cluster.one.socketUrl('/kept'), undefined, since),
    );
    const clients = await startAll(returning);
    await untilTold('node-1', ['CarillonRecoveriesFailing']);
    await stopAll(clients);
  });

  it.sequential('an event loop that stands still again and again', async () => {
    const pid = await pidOf(cluster.one, 1);
    let isStopped = false;
    const toggle = (): void => {
      isStopped = !isStopped;
      process.kill(pid, isStopped ? 'SIGSTOP' : 'SIGCONT');
    };
    try {
      const late = 'carillon_event_loop_delay_seconds{node="node-1",quantile="0.99"} > 0.9';
      const isLate = async (): Promise<boolean> => {
        toggle();
        return (await cluster.prometheus.query(late)).length > 0;
      };
      await until(isLate, { everyMs: 1_000, deadlineMs });
      await untilTold('node-1', ['CarillonEventLoopSlow'], toggle, 1_000);
    } finally {
      process.kill(pid, 'SIGCONT');
    }
  });

  it.sequential('a worker that dies', async () => {
    process.kill(await pidOf(cluster.one, 1), 'SIGKILL');
    await untilTold('node-1', ['CarillonWorkerRestarts']);
  });

  it.sequential('a new configuration that is not valid', async () => {
    await writeFile(cluster.one.folder.file('carillon.json'), '{"workers": "many"}');
    cluster.one.signal('SIGHUP');
    await untilTold('node-1', ['CarillonReloadFailed']);
  });

  it.sequential('somebody who publishes what is no envelope', async () => {
    await cluster.redis.admin.publish('/kept', Buffer.from([0xff, 0xff, 0xff]));
    await untilTold('node-1', ['CarillonRedisMalformed']);
  });

  it.sequential('a worker that Redis does not wait for', async () => {
    const { admin } = cluster.redis;
    await untilGreen(cluster.one);
    await using listener = await ChatClient.open(cluster.one.socketUrl('/secret'));
    await admin.config('SET', 'client-output-buffer-limit', 'pubsub 1mb 0 0');
    const subscribers = async (): Promise<number> =>
      ((await admin.call('PUBSUB', 'NUMSUB', '/secret')) as [string, number])[1];
    await until(async () => (await subscribers()) === 1);
    {
      using _paused = await paused(cluster.one, listener.welcome.worker);
      await until(
        async () => {
          await cluster.flood('/secret');
          return (await subscribers()) === 0;
        },
        { what: 'Redis has ended the connection' },
      );
    }
    await admin.config('SET', 'client-output-buffer-limit', 'pubsub 32mb 8mb 60');
    await untilTold('node-1', ['CarillonRedisSubscriberTooSlow']);
  });

  it.sequential('a subscription that Redis forbids', async () => {
    await untilGreen(cluster.one);
    await using _ = await ChatClient.open(cluster.one.socketUrl('/secret'));
    const allowed = ['&carillon:*', '&/kept', '&/short', '&all', '&/logs*'];
    await cluster.redis.admin.call('ACL', 'SETUSER', 'default', 'resetchannels', ...allowed);
    await untilTold('node-1', ['CarillonRedisSubscriptionsMissing']);
    await cluster.redis.admin.call('ACL', 'SETUSER', 'default', 'allchannels');
  });
});

describe.concurrent('on a node whose network is the trouble', () => {
  it.sequential('everything arrives late', async () => {
    await untilQuiet('node-2', ['CarillonDeliveryLag', 'CarillonRedisSlow']);
    cluster.proxy.delayHalf({ delayMs: 1_200, seed: 1 });
    await untilTold('node-2', ['CarillonDeliveryLag', 'CarillonRedisSlow']);
    cluster.proxy.heal();
  });

  it.sequential('connections do not last', async () => {
    await untilTold('node-2', ['CarillonRedisConnectionsUnstable'], () => cluster.proxy.reset(), 1_000);
  });

  it.sequential('Redis cannot be reached, and what was said meanwhile is more than is kept', async () => {
    const { one, two, proxy } = cluster;
    await untilQuiet('node-2', ['CarillonPublicationsLost']);
    // Comes again where it is refused, as long as the connections of before are not made again.
    await using listener = new RecoveringChat({ name: 'listener', urls: () => [two.socketUrl('/short')] });
    await until(() => listener.welcomes > 0, { deadlineMs });
    // Through workers that others stop and kill meanwhile.
    const urls = (): string[] => [one.socketUrl('/short')];
    await using speaker = new ChatPublisher({ name: 'speaker', urls, everyMs: 100, retries: true });
    const accepted = (): number => speaker.sent.filter(({ outcome }) => outcome === 'accepted').length;
    proxy.isOpen = false;
    proxy.reset();
    const before = accepted();
    await untilTold('node-2', [
      'CarillonNotReady',
      'CarillonRedisDown',
      'CarillonRedisPublishBacklog',
      'CarillonRedisPublishesRejected',
    ]);
    await until(() => accepted() > before + 3, { deadlineMs });
    proxy.isOpen = true;
    await until(() => listener.track.entries.some(({ type }) => type === 'told'), { deadlineMs });
    const told = { alertname: 'CarillonPublicationsLost', node: 'node-2', rule: '/short', severity: 'critical' };
    await until(async () => (await cluster.prometheus.firing()).some(({ labels }) => matches(labels, told)), {
      deadlineMs,
    });
  });
});

describe.concurrent('on a node without Redis', () => {
  it.sequential('a worker that does not take what is for it', async () => {
    const { solo } = cluster;
    const [speaker, listener] = await openOnTwo(solo, '/dropping');
    await using _speaker = speaker;
    await using _listener = listener;
    using _paused = await paused(solo, listener.welcome.worker);
    const text = 'x'.repeat(60_000);
    await untilTold('solo', ['CarillonIpcBacklog', 'CarillonIpcMissed'], () => {
      for (let i = 0; i < 100; i++) speaker.send({ type: 'message', text });
    });
  });

  it.sequential('more clients than it may take', async () => {
    const { solo } = cluster;
    const clients: TestClient[] = [];
    try {
      await untilTold('solo', ['CarillonConnectionsNearLimit', 'CarillonHandshakesRefused'], async () => {
        const client = await TestClient.open(solo.socketUrl('/echo')).catch(() => undefined);
        if (client !== undefined) clients.push(client);
      });
    } finally {
      await stopAll(clients);
    }
  });

  it.sequential('workers that die again and again', async () => {
    await untilTold('solo', ['CarillonWorkerCrashLoop', 'CarillonWorkersMissing'], async () => {
      for (const pid of (await cluster.solo.workerPids()).values()) killIfThere(pid);
    });
  });
});

describe('at last', () => {
  it('a node is gone', async () => {
    cluster.two.signal('SIGKILL');
    await untilTold('node-2', ['CarillonTargetDown']);
  });

  it('all are gone', async () => {
    for (const node of [cluster.one, cluster.solo]) node.signal('SIGKILL');
    const absent = async (): Promise<boolean> =>
      (await cluster.prometheus.firing()).some(({ name }) => name === 'CarillonAbsent');
    await until(absent, { deadlineMs });
    expect(await cluster.prometheus.query('carillon_ready')).toEqual([]);
  });
});
