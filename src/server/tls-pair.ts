import { readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { createSecureContext } from 'node:tls';
import { watch, type FSWatcher } from 'chokidar';
import type { Log } from '../lib/log.ts';
import type { TlsOptions } from './server-options.ts';

/** A certificate chain and its private key, PEM, known to belong together. */
export interface TlsPair {
  readonly cert: string;
  readonly key: string;
}

/** Files are read again when their folders have been quiet for this long: certificate and key change one after the other. */
const settleMs = 200;
/** But no later than this: something else in the folder may change all the time. */
const settleCapMs = 2_000;
/** How often the files are looked at without an event: none comes when a link further up is switched. */
const lookEveryMs = 5_000;

/**
 * Keeps the pair of certificate and key, and reads it again when the files change, are replaced, or the links that
 * lead to them are switched. A pair that does not match is logged and the one in use stays.
 */
export class TlsPairWatcher {
  readonly #options: TlsOptions;
  readonly #onChange: (pair: TlsPair) => void;
  readonly #log: Log;
  readonly #watcher: FSWatcher;
  #pair: TlsPair;
  readonly #looking: NodeJS.Timeout;
  /** Which files the pair was read from. */
  #stamp: string;
  #settling: NodeJS.Timeout | undefined;
  #settleByMs = 0;
  #reloading: Promise<void> = Promise.resolve();
  #isClosed = false;

  private constructor(
    options: TlsOptions,
    { pair, stamp }: Reading,
    onChange: (pair: TlsPair) => void,
    log: Log,
    lookMs: number,
  ) {
    this.#options = options;
    this.#pair = pair;
    this.#stamp = stamp;
    this.#onChange = onChange;
    this.#log = log;
    this.#looking = setInterval(() => void this.#look(), lookMs).unref();
    // The folders rather than the files: what replaces a file may be another one of its name.
    const folders = [...new Set([dirname(options.cert), dirname(options.key)])];
    this.#watcher = watch(folders, { depth: 0, ignoreInitial: true });
    this.#watcher.on('all', () => this.#settle());
    this.#watcher.on('error', (error) =>
      log.error({ event: 'tls-watch-failed', err: error }, 'cannot watch the TLS files for changes'),
    );
  }

  /** @throws Error naming the configuration key when a file cannot be read or the two do not belong together */
  static async open(
    options: TlsOptions,
    onChange: (pair: TlsPair) => void,
    log: Log,
    { lookMs = lookEveryMs }: { lookMs?: number } = {},
  ): Promise<TlsPairWatcher> {
    // Before the reading: what changes during it is seen later.
    const stamp = await stampOf(options);
    const watcher = new TlsPairWatcher(options, { pair: await readPair(options), stamp }, onChange, log, lookMs);
    await new Promise<void>((resolve) => watcher.#watcher.once('ready', resolve));
    return watcher;
  }

  get pair(): TlsPair {
    return this.#pair;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#looking);
    clearTimeout(this.#settling);
    await this.#watcher.close();
  }

  #settle(): void {
    if (this.#isClosed) return;
    const nowMs = performance.now();
    if (this.#settling === undefined) this.#settleByMs = nowMs + settleCapMs;
    clearTimeout(this.#settling);
    this.#settling = setTimeout(
      () => {
        this.#settling = undefined;
        // One after the other, so that an older reading cannot win.
        this.#reloading = this.#reloading.then(() => this.#reload());
      },
      Math.min(settleMs, Math.max(0, this.#settleByMs - nowMs)),
    );
  }

  async #look(): Promise<void> {
    // What is settling already must not be put off by being looked at.
    if ((await stampOf(this.#options)) !== this.#stamp && this.#settling === undefined) this.#settle();
  }

  async #reload(): Promise<void> {
    // Whether it succeeds or not: the same files need no second try.
    this.#stamp = await stampOf(this.#options);
    try {
      const pair = await readPair(this.#options);
      if (pair.cert === this.#pair.cert && pair.key === this.#pair.key) return;
      this.#pair = pair;
      this.#log.info({ event: 'tls-reloaded' }, 'new connections get the new certificate');
      this.#onChange(pair);
    } catch (error) {
      this.#log.error(
        { event: 'tls-reload-failed', err: error },
        'the changed TLS files are not used; the old certificate stays',
      );
    }
  }
}

interface Reading {
  readonly pair: TlsPair;
  readonly stamp: string;
}

/** Differs when another file has come to a name, by whatever way, or the file has changed. */
async function stampOf({ cert, key }: TlsOptions): Promise<string> {
  const stamps = await Promise.all(
    [cert, key].map(async (file) => {
      try {
        const { dev, ino, size, ctimeNs } = await stat(file, { bigint: true });
        return [dev, ino, size, ctimeNs].join(' ');
      } catch (error) {
        return String(error);
      }
    }),
  );
  return stamps.join('\n');
}

async function readPair({ cert, key }: TlsOptions): Promise<TlsPair> {
  const pair = { cert: await readPem('tls.cert', cert), key: await readPem('tls.key', key) };
  try {
    // Throws too where the key is not the certificate's.
    createSecureContext(pair);
  } catch (error) {
    throw new Error(
      `tls.cert ${cert} and tls.key ${key} cannot be used together: ${error instanceof Error ? error.message : String(error)}`,
      {
        cause: error,
      },
    );
  }
  return pair;
}

async function readPem(configurationKey: string, file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new Error(
      `${configurationKey}: cannot read ${file}: ${error instanceof Error ? error.message : String(error)}`,
      { cause: error },
    );
  }
}
