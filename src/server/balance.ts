import { admissionChanges } from './admission.ts';
import type { WorkerSeat } from './worker-seat.ts';

/**
 * Keeps the connections spread over the workers, by who accepts new ones.
 * @param port what workers are told to listen on
 */
export function balance(seats: readonly WorkerSeat[], port: number): void {
  // One that has retired is not to get any connection: it counts no more.
  const serving = seats.filter(({ serves, isSilent, isRetired }) => serves && !isSilent && !isRetired);
  const { pause, resume } = admissionChanges(
    // By their index: while workers are replaced there may be two of one number.
    serving.map(({ connections, state, isChanging }, index) => ({
      worker: index,
      connections,
      isListening: state === 'listening' && !isChanging,
    })),
  );
  for (const [index, seat] of serving.entries()) {
    if (seat.isChanging) continue;
    if (pause.includes(index)) seat.order({ type: 'pause' });
    if (resume.includes(index)) seat.order({ type: 'listen', port });
  }
}
