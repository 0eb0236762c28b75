import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../support/temporary-folder.ts';

const path = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const run = path('../../bench/run.mjs');
const report = path('../../bench/report.mjs');
const lossy = path('../support/lossy-room-server.mjs');

interface Ran {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

const node = (...args: string[]): Promise<Ran> =>
  new Promise((resolve) => {
    execFile(process.execPath, args, { timeout: 120_000 }, (error, stdout, stderr) => {
      resolve({ exitCode: error === null ? 0 : Number(error.code ?? -1), stdout, stderr });
    });
  });

const brief = ['--scenarios', 'tiny', '--rounds', '1', '--seconds', '1', '--warm-up-seconds', '0.2'];

const lines = async (file: string): Promise<Record<string, unknown>[]> =>
  (await readFile(file, 'utf8'))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

describe('the bench suite', () => {
  it('measures the product and a peer, writes a line for each, and makes a report of them', async () => {
    await using folder = await temporaryFolder();
    const file = folder.file('results.jsonl');
    const ran = await node(run, ...brief, '--systems', 'carillon,ws-loop', '--out', file);
    expect(ran).toMatchObject({ exitCode: 0, stderr: '' });

    const [suite, ...runs] = await lines(file);
    expect(suite).toMatchObject({ type: 'suite', rounds: 1, seconds: 1, machine: { node: process.version } });
    expect(runs.map(({ system }) => system)).toEqual(['carillon', 'ws-loop']);
    for (const each of runs) {
      expect(each).toMatchObject({ type: 'run', scenario: 'tiny', round: 0, ok: true, problems: [] });
      // 2 rooms of 5 subscribers, 20 messages in each.
      expect(each).toMatchObject({ publications: 40, deliveries: 200, lost: 0, duplicated: 0, reordered: 0 });
      expect(each['cpuMicrosecondsPerDelivery']).toBeTypeOf('number');
      expect(each['generators']).toHaveLength(1);
    }

    const page = folder.file('benchmarks.md');
    expect(await node(report, file, '--write', page)).toMatchObject({ exitCode: 0, stderr: '' });
    const text = await readFile(page, 'utf8');
    expect(text).toBe((await node(report, file)).stdout);
    expect(text).toContain('Of 400 measured deliveries in 2 runs none was lost, duplicated or out of order.');
    expect(text).toMatch(/^\| carillon \| [\d.,]+ \|/m);
    expect(text).toContain(`--scenarios tiny`);
  });

  it('fails a server that loses messages, whatever the rest of it is like', async () => {
    await using folder = await temporaryFolder();
    const file = folder.file('results.jsonl');
    const external = `lossy="${process.execPath}" "${lossy}"`;
    const ran = await node(run, ...brief, '--systems', 'lossy', '--external', external, '--out', file);
    expect(ran.exitCode).toBe(1);
    expect(ran.stderr).toContain('Failed: 1 of 1 runs');

    const [, result] = await lines(file);
    // Every tenth of the measurement's 40 publications, and what the warm-up lost, to 5 subscribers each.
    expect(result).toMatchObject({ ok: false, duplicated: 0, reordered: 0, deliveries: 180 });
    expect(result?.['lost']).toBeGreaterThanOrEqual(20);
    const { stdout } = await node(report, file);
    expect(stdout).toContain('**1 of 1 runs failed**');
    expect(stdout).toContain('| lossy (failed) |');
  });

  it('says what is wrong with a command line, and measures nothing', async () => {
    const ran = await node(run, '--scenarios', 'on-room');
    expect(ran.exitCode).toBe(2);
    expect(ran.stderr).toContain('--scenarios "on-room": expected some of one-room, fifty-rooms');
    expect((await node(run, '--rounds', 'x')).stderr).toContain('--rounds "x": expected a whole number of at least 1');
  });
});
