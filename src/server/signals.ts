import { constants } from 'node:os';

const stopSignals = ['SIGTERM', 'SIGINT'] as const;
export type StopSignal = (typeof stopSignals)[number];

export interface StopSignals {
  /** Resolves with the first signal. */
  readonly requested: Promise<StopSignal>;
  close(): void;
}

/**
 * For the time in which the program is still being loaded and nothing has been started: SIGTERM and SIGINT end it in
 * order, the others have nothing to ask for yet. To process 1 of a container the kernel gives no signal without this.
 */
export function heedSignalsWhileLoading(): void {
  for (const signal of stopSignals)
    process.on(signal, () => {
      // From when on there is another listener that one is in charge.
      if (process.listenerCount(signal) === 1) process.exit(0);
    });
  for (const signal of ['SIGHUP', 'SIGUSR2']) process.on(signal, ignore);
}

/**
 * SIGUSR2 asks to go on in new log files, after the present ones were renamed; SIGHUP asks for a reload.
 * @returns what ends the watching; the signal is ignored from then on
 */
export function watchSignal(signal: 'SIGUSR2' | 'SIGHUP', act: () => void): () => void {
  // One listener always stays: without any the signal would end the process.
  process.on(signal, ignore);
  process.on(signal, act);
  return () => process.off(signal, act);
}

function ignore(): void {}

/**
 * The first SIGTERM or SIGINT asks for an orderly stop, with a drain or without, the second ends the process at once, with the exit code that
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
