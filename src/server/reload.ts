import { ConfigError } from '../config/problem.ts';
import type { Config } from '../config/config.ts';
import type { Log } from '../lib/log.ts';
import { severityNames, type Severities, type SeverityName, type SeverityState } from '../lib/severities.ts';
import { StartInterruptedError } from './lifecycle.ts';
import type { ReloadResult } from './node-counts.ts';
import type { Primary } from './primary.ts';
import { restartNeeded } from './restart-needed.ts';

export interface ReloaderParts {
  readonly primary: Primary;
  /** Makes the configuration again, from where the present one came from. @throws ConfigError */
  readonly load: () => Config;
  readonly severities: Severities;
  readonly log: Log;
}

/**
 * SIGHUP: a new configuration, or new code, for a node that goes on serving. What is asked for during a reload is done
 * once after it, however often it was asked for.
 */
export class Reloader {
  readonly #parts: ReloaderParts;
  /** What the configuration of the last reload said, also of one that has failed. */
  #severities: Partial<SeverityState>;
  #isWanted = false;
  #isRunning = false;

  constructor(parts: ReloaderParts) {
    this.#parts = parts;
    this.#severities = parts.primary.config.log.severities;
  }

  request(): void {
    this.#isWanted = true;
    if (!this.#isRunning) void this.#runAll();
  }

  async #runAll(): Promise<void> {
    this.#isRunning = true;
    while (this.#isWanted) {
      this.#isWanted = false;
      const result = await this.#reload();
      if (result !== undefined) this.#parts.primary.counts.reloads[result]++;
    }
    this.#isRunning = false;
  }

  /** @returns undefined where the node leaves */
  async #reload(): Promise<ReloadResult | undefined> {
    const { primary, log } = this.#parts;
    if (primary.state !== 'serving') return this.#drop();
    const config = this.#accepted();
    if (config === undefined) return 'refused';
    this.#switchSeverities(this.#severities, config.log.severities);
    this.#severities = config.log.severities;
    const workers = config.workers === 1 ? 'the worker is' : `${config.workers} workers are`;
    log.info({ event: 'reload' }, `${workers} being replaced, one at a time`);
    try {
      await primary.reload(config);
    } catch (error) {
      if (error instanceof StartInterruptedError) return this.#drop();
      const why = error instanceof Error ? error.message : String(error);
      log.error({ event: 'reload-failed' }, `the reload has failed: ${why}`);
      return 'failed';
    }
    log.info({ event: 'reload-done' }, 'every worker runs with the configuration and the code of now');
    return 'done';
  }

  /** The new configuration; undefined where it cannot be put in force, and why has been told. */
  #accepted(): Config | undefined {
    const { primary, load } = this.#parts;
    if (primary.config.workers === 0)
      return this.#refuse(['workers: 0 runs everything in one process, which cannot be replaced while it runs']);
    try {
      const config = load();
      const fixed = restartNeeded(primary.config, config);
      if (fixed.length === 0) return config;
      return this.#refuse(fixed.map((setting) => `${setting} has changed, which needs a restart`));
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      return this.#refuse(error instanceof ConfigError ? message.split('\n') : [message]);
    }
  }

  #refuse(problems: readonly string[]): undefined {
    for (const problem of problems)
      this.#parts.log.error({ event: 'reload-refused' }, `nothing was reloaded: ${problem}`);
  }

  #drop(): undefined {
    this.#parts.log.info({ event: 'reload-dropped' }, 'the reload is dropped, because the node leaves');
  }

  /** Those that the configuration says otherwise than before; the others stay as they were switched at run time. */
  #switchSeverities(before: Partial<SeverityState>, after: Partial<SeverityState>): void {
    const change: Partial<Record<SeverityName, boolean>> = {};
    for (const name of severityNames) {
      const isOn = after[name];
      if (isOn !== undefined && isOn !== before[name]) change[name] = isOn;
    }
    this.#parts.severities.set(change);
  }
}
