// Which workers accept. The kernel gives a connection to whichever listening worker is awake first, which is cheap and
// over a burst even, but leaves a trickle to a favourite (docs/process-model.md has the figures). So a worker with
// well more connections than its peers leaves the accepting to them until it is back in range.

export interface WorkerLoad {
  readonly worker: number;
  readonly connections: number;
  /** True only where the worker has confirmed that it listens. */
  readonly isListening: boolean;
}

export interface AdmissionChanges {
  readonly pause: readonly number[];
  readonly resume: readonly number[];
}

/** A worker pauses above this multiple of the average: with few connections, one more than the others is enough. */
const pauseRatio = 1.25;
/** It resumes half-way back, so that it does not flap. */
const resumeRatio = 1.125;

/**
 * @param loads of the workers that serve, listening or paused
 * @returns changes that leave at least one worker listening throughout, whatever happens to the orders to resume
 */
export function admissionChanges(loads: readonly WorkerLoad[]): AdmissionChanges {
  const average = loads.reduce((sum, { connections }) => sum + connections, 0) / Math.max(1, loads.length);
  const byLoad = loads.toSorted((a, b) => a.connections - b.connections);
  const listening = byLoad.filter(({ isListening }) => isListening);
  const paused = byLoad.filter(({ isListening }) => !isListening);
  // The least loaded of those that listen goes on whatever its load.
  const pause = listening.slice(1).filter(({ connections }) => connections > average * pauseRatio);
  const resume = paused.filter(
    ({ connections }, index) => (index === 0 && listening.length === 0) || connections <= average * resumeRatio,
  );
  return { pause: pause.map(({ worker }) => worker), resume: resume.map(({ worker }) => worker) };
}
