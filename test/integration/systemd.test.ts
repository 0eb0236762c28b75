import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { Config } from '../../src/config/config.ts';
import { workerStopMs } from '../../src/server/worker-deadlines.ts';
import { runCarillon } from '../support/run-carillon.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const run = promisify(execFile);
const deployed = (name: string): Promise<string> => readFile(new URL(`../../deploy/${name}`, import.meta.url), 'utf8');

const unit = await deployed('systemd/carillon.service');
const dropIn = await deployed('systemd/redis-password.conf');
const analyze = '/usr/bin/systemd-analyze';

function setting(name: string): string {
  const [, value] = new RegExp(`^${name}=(.*)$`, 'm').exec(unit) ?? [];
  if (value === undefined) throw new Error(`the unit does not set ${name}`);
  return value;
}

describe('the systemd unit', () => {
  it('leaves the node the time that its drain may take', async () => {
    await using folder = await temporaryFolder({ 'carillon.yaml': 'redis: {}\n' });
    const { stdout } = await runCarillon(['print-config', '--json', '--config', 'carillon.yaml'], { cwd: folder.path });
    const config = JSON.parse(stdout) as Config;
    // The primary's own steps, after its workers': operations port, TLS certificate, logs.
    const primarySeconds = 9;
    const stopSeconds = workerStopMs(config) / 1_000 + primarySeconds;
    // What its comment and docs/load-balancers.md say.
    expect(stopSeconds).toBeLessThanOrEqual(30);
    expect(Number(setting('TimeoutStopSec'))).toBeGreaterThanOrEqual(
      config.drain.delay + config.drain.period + stopSeconds,
    );
    // The primary tells its workers; a signal to them as well would be nobody's wish.
    expect([setting('KillSignal'), setting('KillMode')]).toEqual(['SIGTERM', 'mixed']);
    expect(setting('ExecReload')).toContain('-HUP $MAINPID');
  });

  it('gives the password to a setting that there is', async () => {
    const [, id, variable, used] = /LoadCredential=(\S+):\S+\nEnvironment=(\w+)=%d\/(\S+)/.exec(dropIn) ?? [];
    expect(used).toBe(id);
    await using folder = await temporaryFolder({ 'carillon.yaml': 'redis: {}\n', 'redis-password': 'a secret\n' });
    const env = { [variable ?? '']: folder.file('redis-password'), CARILLON_LOG_DIRECTORY: '/var/log/carillon' };
    const checked = await runCarillon(['check', '--config', 'carillon.yaml'], { cwd: folder.path, env });
    expect(checked).toMatchObject({ exitCode: 0, stderr: '' });
  });

  it('writes its logs where logrotate looks, under the name that it signals', async () => {
    const logrotate = await deployed('logrotate/carillon');
    expect(logrotate).toContain(`/var/log/${setting('LogsDirectory')}/*.log`);
    expect(unit).toContain('Environment=CARILLON_LOG_DIRECTORY=%L/carillon');
    expect(logrotate).toContain('carillon.service');
  });

  it.skipIf(!existsSync(analyze))(
    'is understood by systemd, which finds little that the service could harm',
    async () => {
      // Carillon is not installed where tests run.
      const installed = unit.replace('ExecStart=carillon ', 'ExecStart=/bin/true ');
      await using folder = await temporaryFolder({
        'carillon.service': installed,
        'carillon.service.d/redis-password.conf': dropIn,
      });
      const file = folder.file('carillon.service');
      const { stdout, stderr } = await run(analyze, ['verify', '--man=no', file]);
      expect((stdout + stderr).split('\n').filter((line) => line.includes('carillon'))).toEqual([]);
      // Fails above a level of 2.0 of 10.
      await run(analyze, ['security', '--offline=yes', '--threshold=20', '--no-pager', file]);
    },
  );
});

describe('the kernel settings', () => {
  it.skipIf(process.platform !== 'linux')('are settings that Linux has', async () => {
    const file = await deployed('systemd/60-carillon.conf');
    const names = file.split('\n').flatMap((line) => /^(\S+) = \S/.exec(line)?.[1] ?? []);
    expect(names.length).toBeGreaterThan(5);
    expect(names.filter((name) => !existsSync(`/proc/sys/${name.replaceAll('.', '/')}`))).toEqual([]);
  });
});
