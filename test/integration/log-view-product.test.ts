import { appendFileSync, openSync, closeSync, renameSync, writeSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { severityNames } from '../../src/lib/severities.ts';
import { LogViewClient } from '../support/log-view-client.ts';
import { startProduct, type Product } from '../support/start-product.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { TestClient } from '../support/test-client.ts';
import { until } from '../support/until.ts';

interface Watched extends AsyncDisposable {
  readonly product: Product;
  readonly log: string;
  /** A viewer on the worker with this number. */
  viewerOn(worker: number, query?: string): Promise<LogViewClient>;
}

/** The product with two workers and a log-view of one log, which is made by the test. */
async function startWatched(): Promise<Watched> {
  const folder = await temporaryFolder();
  const log = folder.file('app.log');
  const product = await startProduct({
    apps: { 'log-view': { urls: ['/logs'], auth: { type: 'loopback' }, refresh: 50, logs: { app: log } } },
  });
  return {
    product,
    log,
    async viewerOn(worker, query = '') {
      return await until(
        async () => {
          const viewer = await LogViewClient.open(product.socketUrl(`/logs${query}`)).catch(() => undefined);
          if (viewer === undefined) return undefined;
          if ((await viewer.of('welcome')).worker === worker) return viewer;
          await viewer[Symbol.asyncDispose]();
          return undefined;
        },
        { deadlineMs: 30_000, what: `a viewer on worker ${worker}` },
      );
    },
    async [Symbol.asyncDispose]() {
      await product[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

function numbers(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
}

async function peakMemoryBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
}

describe('log-view on a node with two workers', () => {
  it('shows each line once to viewers on both, also when a worker is killed, whichever follows the logs', async () => {
    await using watched = await startWatched();
    appendFileSync(watched.log, '');
    let written = 0;
    const writer = setInterval(() => {
      appendFileSync(watched.log, `${++written}\n`);
      // Seldom enough that a hand-over meets one rotation at most.
      if (written % 300 === 0) renameSync(watched.log, `${watched.log}.${written}`);
    }, 3);
    try {
      for (const [killed, surviving] of [
        [1, 2],
        [2, 1],
      ] as const) {
        const pid = (await watched.product.workerPids()).get(killed) ?? 0;
        await using viewer = await watched.viewerOn(surviving, '?log=app');
        await using plain = await TestClient.open(watched.product.socketUrl('/logs'));
        const other = await watched.viewerOn(killed, '?log=app');
        await until(() => viewer.lines.length > 100 && other.lines.length > 100 && plain.unread.length > 0);
        process.kill(pid, 'SIGKILL');
        await other.client.closed;
        const goal = written + 500;
        await until(() => Number(viewer.lines.at(-1)) >= goal, { deadlineMs: 30_000 });
        for (const one of [viewer, other]) {
          const shown = one.lines.map(Number);
          expect(shown).toEqual(numbers(shown[0] ?? 0, shown.at(-1) ?? 0));
          expect(one.all('gap')).toEqual([]);
        }
        await until(async () => (await watched.product.workerPids()).has(killed), {
          what: 'the worker is back',
          deadlineMs: 20_000,
        });
      }
    } finally {
      clearInterval(writer);
    }
  });

  it('shows all of a burst of 100 MB, in order, with bounded memory', { timeout: 120_000 }, async () => {
    await using watched = await startWatched();
    appendFileSync(watched.log, '');
    await using viewer = await watched.viewerOn(2);
    await viewer.of('opened');
    let next = 0;
    let isInOrder = true;
    viewer.messages.push = (message) => {
      if (message.type !== 'lines') return 0;
      for (const line of message.lines) isInOrder &&= Number(line.slice(0, 10)) === next++;
      return 0;
    };
    const pids = [...(await watched.product.workerPids()).values()];
    const before = await Promise.all(pids.map(peakMemoryBytes));
    const count = 1_000_000;
    const file = openSync(watched.log, 'a');
    const rest = 'x'.repeat(89);
    for (let i = 0; i < count; i += 1_000) {
      writeSync(
        file,
        numbers(i, i + 999)
          .map((n) => `${String(n).padStart(10, '0')}${rest}\n`)
          .join(''),
      );
    }
    closeSync(file);
    await until(() => next === count, { deadlineMs: 60_000, everyMs: 100, what: 'all lines came' });
    expect(isInOrder).toBe(true);
    const after = await Promise.all(pids.map(peakMemoryBytes));
    for (const [i, bytes] of after.entries()) expect(bytes - (before[i] ?? 0)).toBeLessThan(150 * 1024 * 1024);
  });

  it('comes to rest when it shows its own log with every severity on', async () => {
    await using watched = await startWatched();
    await using viewer = await watched.viewerOn(1, '?log=error');
    await using other = await watched.viewerOn(2, '?log=error');
    for (const name of severityNames) viewer.send({ type: 'severity', name, on: true, ref: name });
    await viewer.of('done', severityNames.length);
    await until(() => Object.values(other.all('severities').at(-1)?.state ?? {}).every((on) => on), {
      what: 'the other worker knows',
    });
    // Something to log, and then silence: the heartbeat is far away.
    await using third = await watched.viewerOn(2, '?log=access');
    await third.of('opened');
    const log = watched.product.folder.file('logs/error.log');
    let last = -1;
    await until(
      async () => {
        const { size } = await stat(log);
        const isStill = size === last;
        last = size;
        return isStill;
      },
      { everyMs: 1_000, deadlineMs: 20_000, what: 'nothing is logged any more' },
    );
    const written = (await readFile(log, 'utf8')).trimEnd().split('\n');
    await until(() => other.lines.length > 0 && other.lines.at(-1) === written.at(-1), { what: 'all of it was shown' });
  });
});
