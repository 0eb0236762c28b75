import { constants } from 'node:os';

const stopSignals = ['SIGTERM', 'SIGINT'] as const;
export type StopSignal = (typeof stopSignals)[number];

export interface StopSignals {
  /** Resolves with the first signal. */
  readonly requested: Promise<StopSignal>;
  close(): void;
}

/**
 * SIGUSR2 asks to go on in new log files, after the present ones were renamed.
 * @returns what ends the watching; the signal is ignored from then on
 */
export function watchReopenSignal(reopen: () => void): () => void {
  // One listener always stays: without any the signal would end the process.
  process.on('SIGUSR2', ignore);
  process.on('SIGUSR2', reopen);
  return () => process.off('SIGUSR2', reopen);
}

function ignore(): void {}

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
