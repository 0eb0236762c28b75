import { spawn, type ChildProcess } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Readiness } from '../../src/server/readiness.ts';
import { temporaryFolder, type TemporaryFolder } from './temporary-folder.ts';
import { until } from './until.ts';

const main = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const stopDeadlineMs = 15_000;

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** Parts of the configuration; the rest is: free ports, two workers, echo at /echo, chat at /chat, logs in the folder, no drain period. */
export type ProductConfig = Readonly<Record<string, unknown>>;

export interface ProductRun {
  /** Of the program; default: `serve --config <file>`. */
  readonly args?: readonly string[];
  /** In addition to that of the tests. */
  readonly env?: Readonly<Record<string, string>>;
}

/** The built product, run as `carillon serve --config <file>` in a temporary folder that also holds its logs. */
export class Product implements AsyncDisposable {
  readonly exited: Promise<Exit>;
  readonly folder: TemporaryFolder;
  readonly #child: ChildProcess;
  readonly #config: ProductConfig;
  #stdout = '';
  #stderr = '';

  private constructor(child: ChildProcess, folder: TemporaryFolder, config: ProductConfig) {
    this.#child = child;
    this.#config = config;
    this.folder = folder;
    child.stdout?.setEncoding('utf8').on('data', (text: string) => (this.#stdout += text));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.#stderr += text));
    this.exited = new Promise((resolve) => child.once('exit', (code, signal) => resolve({ code, signal })));
  }

  /** Starts it and does not wait. */
  static async spawn(
    config: ProductConfig = {},
    files: Readonly<Record<string, string>> = {},
    { args, env = {} }: ProductRun = {},
  ): Promise<Product> {
    const folder = await temporaryFolder({ ...files, 'carillon.json': JSON.stringify({ ...standing, ...config }) });
    const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('CARILLON_'));
    const child = spawn(process.execPath, [main, ...(args ?? ['serve', '--config', folder.file('carillon.json')])], {
      cwd: folder.path,
      env: { ...Object.fromEntries(inherited), ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    return new Product(child, folder, config);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get stdout(): string {
    return this.#stdout;
  }

  get stderr(): string {
    return this.#stderr;
  }

  /** What it prints when it runs. @throws Error with its output when it ended instead */
  async started(): Promise<void> {
    let exit: Exit | undefined;
    void this.exited.then((how) => (exit = how));
    await until(() => exit !== undefined || this.#stdout.includes('Ctrl-C stops it.'), {
      deadlineMs: 30_000,
      what: 'carillon has started',
    });
    if (exit !== undefined)
      throw new Error(`carillon ended with ${JSON.stringify(exit)}\n${this.#stdout}\n${this.#stderr}`);
  }

  /** The public address with this path, http or https. */
  url(path: string): string {
    return this.#printed('address') + path;
  }

  /** The public address with this path, ws or wss. */
  socketUrl(path: string): string {
    return this.url(path).replace(/^http/, 'ws');
  }

  operationsUrl(path: string): string {
    return new URL(path, this.#printed('metrics')).href;
  }

  async readiness(): Promise<Readiness> {
    return (await (await fetch(this.operationsUrl('/ready'))).json()) as Readiness;
  }

  /** Process ids of the workers by their number, those that run. */
  async workerPids(): Promise<ReadonlyMap<number, number>> {
    const { workers } = await this.readiness();
    return new Map(workers.flatMap(({ worker, pid }) => (pid === undefined ? [] : [[worker, pid] as const])));
  }

  /** The value of one series, such as `carillon_worker_connections{worker="1"}`; 0 when there is none. */
  async metric(series: string, path = '/metrics'): Promise<number> {
    const text = await (await fetch(this.operationsUrl(path))).text();
    const line = text.split('\n').find((candidate) => candidate.startsWith(`${series} `));
    return line === undefined ? 0 : Number(line.slice(series.length + 1));
  }

  /** The error log so far; empty where there is none. */
  async logged(): Promise<string> {
    return await readFile(this.folder.file('logs/error.log'), 'utf8').catch(() => '');
  }

  /**
   * The events of what was logged as an error. Without that of a worker which says nothing for a while: so does
   * one that a busy machine does not let run.
   */
  async errors(): Promise<string[]> {
    const lines = (await this.logged()).split('\n').filter((line) => line !== '');
    return lines
      .map((line) => JSON.parse(line) as { level: string; event: string })
      .filter(({ level, event }) => (level === 'error' || level === 'fatal') && event !== 'worker-silent')
      .map(({ event }) => event);
  }

  /** Writes the configuration anew, with changes to the one it was started with. It is read at a reload. */
  async configure(changes: ProductConfig): Promise<void> {
    const config = JSON.stringify({ ...standing, ...this.#config, ...changes });
    await writeFile(this.folder.file('carillon.json'), config);
  }

  /** Asks for a reload, and waits until it has this result. */
  async reload(result: 'done' | 'refused' | 'failed' = 'done'): Promise<void> {
    const series = `carillon_reloads_total{result="${result}"}`;
    const before = await this.metric(series);
    this.signal('SIGHUP');
    await until(async () => (await this.metric(series)) > before, {
      deadlineMs: 60_000,
      what: `a reload is ${result}`,
    });
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Stops it in order. */
  async stop(): Promise<Exit> {
    this.signal('SIGTERM');
    return await this.exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const force = setTimeout(() => this.signal('SIGKILL'), stopDeadlineMs);
    await this.stop();
    clearTimeout(force);
    await this.folder[Symbol.asyncDispose]();
  }

  #printed(name: string): string {
    const line = this.#stdout.split('\n').find((candidate) => candidate.startsWith(`  ${name} `));
    if (line === undefined) throw new Error(`carillon has not printed its ${name}:\n${this.#stdout}`);
    return line.trim().split(/\s+/)[1] ?? '';
  }
}

const standing: ProductConfig = {
  node: 'test',
  port: 0,
  workers: 2,
  operations: { port: 0 },
  log: { directory: 'logs' },
  // Tests open many at once.
  accept: { rate: 0 },
  // Its own default would have every test with connections wait for ten seconds at its end.
  drain: { period: 0 },
  apps: { echo: { urls: ['/echo'] }, chat: { urls: ['/chat'] } },
};

/** Starts the product and waits until it serves. */
export async function startProduct(
  config: ProductConfig = {},
  files: Readonly<Record<string, string>> = {},
  run: ProductRun = {},
): Promise<Product> {
  const product = await Product.spawn(config, files, run);
  try {
    await product.started();
    return product;
  } catch (error) {
    await product[Symbol.asyncDispose]();
    throw error;
  }
}
