import { severityNames, type Severities, type SeverityName, type SeverityState } from '../lib/severities.ts';
import type { FromWorker } from './worker-messages.ts';

export interface SeverityLink {
  /** What the primary says holds for all workers. */
  apply(state: SeverityState): void;
}

/** Sends what is switched here to the primary, which tells every worker, and takes over what was switched elsewhere. */
export function followSeverities(severities: Severities, send: (message: FromWorker) => void): SeverityLink {
  let known = severities.state;
  severities.watch((state) => {
    // Only what differs, so that two workers switching different ones at a time do not undo each other.
    const changed = severityNames.filter((name) => state[name] !== known[name]);
    known = state;
    if (changed.length === 0) return;
    const change: Partial<Record<SeverityName, boolean>> = {};
    for (const name of changed) change[name] = state[name];
    send({ type: 'severities', change });
  });
  return {
    apply(state) {
      known = state;
      severities.set(state);
    },
  };
}
