import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const main = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

export interface RanCarillon {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the built `carillon` to its end, without the `CARILLON_*` variables that the tests themselves were given. */
export async function runCarillon(
  args: readonly string[],
  options: { cwd: string; env?: Readonly<Record<string, string>>; stdin?: string; deadlineMs?: number },
): Promise<RanCarillon> {
  const { cwd, env = {}, stdin = '', deadlineMs = 30_000 } = options;
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('CARILLON_'));
  const child = spawn(process.execPath, [main, ...args], {
    cwd,
    env: { ...Object.fromEntries(inherited), ...env },
    timeout: deadlineMs,
    killSignal: 'SIGKILL',
  });
  const output = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output.stderr += text));
  // A process that refuses its command line does not read its input.
  child.stdin.on('error', () => {});
  child.stdin.end(stdin);
  const exitCode = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  return { exitCode, ...output };
}
