import { readFile } from 'node:fs/promises';
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
  #settling: NodeJS.Timeout | undefined;

  private constructor(options: TlsOptions, pair: TlsPair, onChange: (pair: TlsPair) => void, log: Log) {
    this.#options = options;
    this.#pair = pair;
    this.#onChange = onChange;
    this.#log = log;
    // The folders rather than the files: a link further up may be switched without an event on the file itself.
    const folders = [...new Set([dirname(options.cert), dirname(options.key)])];
    this.#watcher = watch(folders, { depth: 0, ignoreInitial: true });
    this.#watcher.on('all', () => this.#settle());
    this.#watcher.on('error', (error) =>
      log.error({ event: 'tls-watch-failed', err: error }, 'cannot watch the TLS files for changes'),
    );
  }

  /** @throws Error naming the configuration key when a file cannot be read or the two do not belong together */
  static async open(options: TlsOptions, onChange: (pair: TlsPair) => void, log: Log): Promise<TlsPairWatcher> {
    const pair = await readPair(options);
    const watcher = new TlsPairWatcher(options, pair, onChange, log);
    await new Promise<void>((resolve) => watcher.#watcher.once('ready', resolve));
    return watcher;
  }

  get pair(): TlsPair {
    return this.#pair;
  }

  async close(): Promise<void> {
    clearTimeout(this.#settling);
    await this.#watcher.close();
  }

  #settle(): void {
    clearTimeout(this.#settling);
    this.#settling = setTimeout(() => void this.#reload(), settleMs);
  }

  async #reload(): Promise<void> {
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
