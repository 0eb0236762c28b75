// The local Docker engine and its compose, whichever of the two there is.
import { execFile, spawn } from 'node:child_process';
import { promisify } from 'node:util';

const exec = promisify(execFile);
const answerMs = 30_000;

/** There is no engine to test with. */
export class NoEngineError extends Error {}

/**
 * @returns the command of compose, `docker compose` or `docker-compose`, and what both parts call themselves
 * @throws NoEngineError where one of them is missing or does not answer
 */
export async function findCompose() {
  const engine = await answerOf('docker', ['version', '--format', '{{.Server.Version}}']).catch((error) => {
    throw new NoEngineError(`no Docker engine answers: ${reasonOf(error)}`);
  });
  for (const command of [['docker', 'compose'], ['docker-compose']]) {
    const [file, ...args] = command;
    const version = await answerOf(file, [...args, 'version', '--short']).catch(() => undefined);
    if (version !== undefined) return { command, says: `Docker ${engine}, ${command.join(' ')} ${version}` };
  }
  throw new NoEngineError('neither `docker compose` nor `docker-compose` is installed');
}

/** @returns what a `docker` command prints */
export function docker(...args) {
  return answerOf('docker', args, 120_000);
}

/** A project of compose, with a name of its own. */
export class Project {
  #command;
  #env;

  /**
   * @param command as found by `findCompose`
   * @param files compose files
   * @param env variables for them
   */
  constructor(command, { name, files, env }) {
    this.name = name;
    this.#command = [...command, '-p', name, ...files.flatMap((file) => ['-f', file])];
    this.#env = { ...process.env, ...env };
  }

  /** Runs a command of compose; what it prints is seen. */
  async run(args, timeoutMs) {
    const [file, ...before] = this.#command;
    const child = spawn(file, [...before, ...args], {
      env: this.#env,
      stdio: ['ignore', 'inherit', 'inherit'],
      timeout: timeoutMs,
    });
    const code = await new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (status, signal) => resolve(status ?? signal));
    });
    if (code !== 0) throw new Error(`compose ${args.join(' ')} ended with ${code}`);
  }

  /** @returns lines that a command of compose prints */
  async lines(...args) {
    const [file, ...before] = this.#command;
    const text = await answerOf(file, [...before, ...args], 60_000, this.#env);
    return text.split('\n').filter((line) => line !== '');
  }

  /** @returns ids of a service's running containers, as short as their host names */
  async containers(service) {
    const ofProject = `label=com.docker.compose.project=${this.name}`;
    const ofService = `label=com.docker.compose.service=${service}`;
    const ids = await docker('ps', '--quiet', '--filter', ofProject, '--filter', ofService);
    return ids.split('\n').filter((id) => id !== '');
  }

  /** @returns names of whatever the engine still has of this project */
  async leftovers() {
    const filter = ['--filter', `label=com.docker.compose.project=${this.name}`];
    const found = await Promise.all([
      docker('ps', '--all', '--format', '{{.Names}}', ...filter),
      docker('volume', 'ls', '--format', '{{.Name}}', ...filter),
      docker('network', 'ls', '--format', '{{.Name}}', ...filter),
    ]);
    return found.join('\n').split(/\s+/).filter(Boolean);
  }
}

/** @returns what `docker inspect` knows of a container */
export async function inspect(container) {
  return JSON.parse(await docker('inspect', container))[0];
}

async function answerOf(file, args, timeout = answerMs, env = process.env) {
  const { stdout } = await exec(file, args, { timeout, env, maxBuffer: 64 * 1024 * 1024 });
  return stdout.trim();
}

function reasonOf(error) {
  if (error.code === 'ENOENT') return 'there is no command "docker"';
  if (error.killed) return `it says nothing for ${answerMs / 1000} s`;
  return (error.stderr || error.message).trim().split('\n').at(-1);
}
