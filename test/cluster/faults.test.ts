import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { Readiness } from '../../src/server/readiness.ts';
import { startProduct, type Product } from '../support/start-product.ts';
import { TestClient } from '../support/test-client.ts';
import { until } from '../support/until.ts';

const run = promisify(execFile);
/** Of util-linux, which every Debian has. */
const prlimit = '/usr/bin/prlimit';

/** The status and body of one answer of `/ready`. */
async function ready(product: Product): Promise<{ status: number; body: Readiness }> {
  const response = await fetch(product.operationsUrl('/ready'));
  return { status: response.status, body: (await response.json()) as Readiness };
}

describe('a primary without file descriptors', () => {
  it.runIf(existsSync(prlimit))('lives on, and replaces a dead worker when there are some again', async () => {
    await using product = await startProduct();
    const killed = (await product.workerPids()).get(1) ?? 0;
    const limitFiles = (limit: string): Promise<unknown> =>
      run(prlimit, ['--pid', String(product.pid), `--nofile=${limit}`]);
    // Only the soft limit. What is open stays open, and nothing else can be opened.
    await limitFiles('3:');
    process.kill(killed, 'SIGKILL');
    await until(async () => (await product.logged()).includes('it could not be started: spawn'));
    await limitFiles('1024:');
    await until(async () => (await product.readiness()).reasons.length === 0, { deadlineMs: 30_000 });
    expect((await product.readiness()).workers[0]?.pid).not.toBe(killed);
    await using client = await TestClient.open(product.socketUrl('/echo'));
    client.send('here');
    expect(await client.next()).toBe('here');
    expect(product.stderr).toBe('');
  });
});

describe('workers that hang', () => {
  it('turn readiness red, and green again when they go on, without being replaced', async () => {
    await using product = await startProduct();
    const pids = [...(await product.workerPids()).values()];
    for (const pid of pids) process.kill(pid, 'SIGSTOP');
    const { body } = await until(
      async () => {
        const answer = await ready(product);
        return answer.status === 503 && answer;
      },
      { deadlineMs: 20_000 },
    );
    expect(body.reasons).toEqual([
      expect.stringMatching(/^worker 1 has said nothing for \d+ s$/),
      expect.stringMatching(/^worker 2 has said nothing for \d+ s$/),
    ]);
    for (const pid of pids) process.kill(pid, 'SIGCONT');
    await until(async () => (await ready(product)).status === 200);
    expect([...(await product.workerPids()).values()]).toEqual(pids);
  });
});
