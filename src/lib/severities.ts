/**
 * Which kinds of log lines are written: a table of switches that can be thrown at run time, as NaviServer's
 * `ns_logctl severity` does. The four plain ones are severities; the `carillon:*` ones are debug loggers.
 */
export const severityNames = [
  'error',
  'warn',
  'info',
  'debug',
  'carillon:handshake',
  'carillon:subscription',
  'carillon:message',
  'carillon:broker',
] as const;

export type SeverityName = (typeof severityNames)[number];

export type SeverityState = Readonly<Record<SeverityName, boolean>>;

const startingState: SeverityState = {
  error: true,
  warn: true,
  info: true,
  debug: false,
  'carillon:handshake': false,
  'carillon:subscription': false,
  'carillon:message': false,
  'carillon:broker': false,
};

export function isSeverityName(name: unknown): name is SeverityName {
  return typeof name === 'string' && (severityNames as readonly string[]).includes(name);
}

export class Severities {
  #state: SeverityState;
  readonly #watchers = new Set<(state: SeverityState) => void>();

  constructor(overrides: Partial<SeverityState> = {}) {
    this.#state = { ...startingState, ...overrides };
  }

  get state(): SeverityState {
    return this.#state;
  }

  isOn(name: SeverityName): boolean {
    return this.#state[name];
  }

  /** Throws one switch, or replaces the whole table; watchers hear of it when something changed. */
  set(change: Partial<SeverityState>): void {
    const next = { ...this.#state, ...change };
    if (severityNames.every((name) => next[name] === this.#state[name])) return;
    this.#state = next;
    for (const watcher of this.#watchers) watcher(next);
  }

  /** Calls `watcher` after each change; returns the function that ends it. */
  watch(watcher: (state: SeverityState) => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }
}
