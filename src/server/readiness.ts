import type { SeatState, WorkerSeat } from './worker-seat.ts';

export type NodeState = 'starting' | 'serving' | 'draining' | 'stopping';

/** The body of `/ready`. */
export interface Readiness {
  readonly ready: boolean;
  readonly state: NodeState;
  /** Why it is not ready, or what an operator may want to know although it is. */
  readonly reasons: readonly string[];
  readonly node: string;
  readonly workers: readonly WorkerFacts[];
}

export interface WorkerFacts {
  readonly worker: number;
  /** Absent while there is no process. */
  readonly pid?: number;
  readonly state: SeatState;
  readonly connections: number;
  readonly restarts: number;
}

/**
 * Not ready until every worker has listened, and from the moment a stop begins. In between one worker is enough that
 * serves, is heard of and gets its publications through the broker: the others are told of, and take nothing from it.
 */
export function judgeReadiness(node: string, state: NodeState, seats: readonly WorkerSeat[]): Readiness {
  const isWell = ({ serves, ailment }: WorkerSeat): boolean => serves && ailment === undefined;
  const reasons =
    state === 'stopping' || state === 'draining'
      ? [`the node is ${state}`]
      : seats
          .filter((seat) => !isWell(seat))
          .map((seat) => `worker ${seat.number} ${seat.ailment ?? `is ${seat.state}`}`);
  return {
    ready: state === 'serving' && seats.some(isWell),
    state,
    reasons,
    node,
    workers: seats.map(({ number, pid, state: seatState, connections, restarts }) => ({
      worker: number,
      ...(pid === undefined ? {} : { pid }),
      state: seatState,
      connections,
      restarts,
    })),
  };
}
