// A server process: started, waited for, stopped through its own handle.
import { spawn } from 'node:child_process';
import { once } from 'node:events';

const startDeadlineMs = 20_000;
const stopDeadlineMs = 15_000;
const keptOutput = 8_000;

/** Those that run. */
const running = new Set();

/** For a suite that is interrupted: nothing that it started outlives it. */
export function killAll() {
  for (const child of running) child.kill();
}

export class Child {
  #child;
  #output = '';
  #name;
  #isGroup;

  /** @param options `isGroup`: a shell's command line, whose processes are ended together */
  constructor(name, command, args, { cwd, env = {}, isGroup = false } = {}) {
    this.#name = name;
    this.#isGroup = isGroup;
    // A setting of the one who measures is none of the server's.
    const inherited = Object.entries(process.env).filter(([key]) => !key.startsWith('CARILLON_'));
    this.#child = spawn(command, args, {
      cwd,
      env: { ...Object.fromEntries(inherited), ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: isGroup,
    });
    running.add(this);
    this.#child.once('exit', () => running.delete(this));
    const keep = (text) => (this.#output = (this.#output + text).slice(-keptOutput));
    this.#child.stdout.setEncoding('utf8').on('data', keep);
    this.#child.stderr.setEncoding('utf8').on('data', keep);
    // A program that is not there: `exit` never comes, and nothing has been printed.
    this.#child.on('error', (error) => keep(error.message));
  }

  get pid() {
    return this.#child.pid;
  }

  get hasEnded() {
    return this.#child.pid === undefined || this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** Resolves with the match when the server has printed something that matches. */
  async printed(pattern) {
    const deadline = performance.now() + startDeadlineMs;
    for (;;) {
      const match = pattern.exec(this.#output);
      if (match !== null) return match;
      if (this.hasEnded) throw new Error(`${this.#name} ended instead of starting:\n${this.#output}`);
      if (performance.now() > deadline)
        throw new Error(`${this.#name} did not print ${pattern} within ${startDeadlineMs} ms:\n${this.#output}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async stop() {
    if (this.hasEnded) return;
    const ended = once(this.#child, 'exit');
    const force = setTimeout(() => this.#signal('SIGKILL'), stopDeadlineMs);
    this.#signal('SIGTERM');
    await ended;
    clearTimeout(force);
  }

  kill() {
    this.#signal('SIGKILL');
  }

  #signal(signal) {
    const { pid } = this.#child;
    if (pid === undefined) return;
    if (this.#isGroup) process.kill(-pid, signal);
    else this.#child.kill(signal);
  }
}
