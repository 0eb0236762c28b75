import { constants } from 'node:os';

const stopSignals = ['SIGTERM', 'SIGINT'] as const;
export type StopSignal = (typeof stopSignals)[number];

export interface StopSignals {
  /** Resolves with the first signal. */
  readonly requested: Promise<StopSignal>;
  close(): void;
}

/**
 * The first SIGTERM or SIGINT asks for an orderly stop, the second ends the process at once, with the exit code that
 * shells give to that signal (128 + its number).
 * @param kill ends what must not outlive this process
 */
export function watchStopSignals(kill: () => void): StopSignals {
  let request: ((signal: StopSignal) => void) | undefined;
  const requested = new Promise<StopSignal>((resolve) => (request = resolve));
  const onSignal = (signal: NodeJS.Signals): void => {
    if (request === undefined) {
      process.stderr.write(`carillon: second ${signal}, ending at once\n`);
      kill();
      process.exit(128 + constants.signals[signal]);
    }
    request(signal as StopSignal);
    request = undefined;
  };
  for (const signal of stopSignals) process.on(signal, onSignal);
  return {
    requested,
    close() {
      for (const signal of stopSignals) process.off(signal, onSignal);
    },
  };
}
