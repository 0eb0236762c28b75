import type { SeatState, WorkerSeat } from './worker-seat.ts';

export type NodeState = 'starting' | 'serving' | 'stopping';

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
 * Not ready until every worker has listened, and from the moment a stop begins. In between one serving worker is
 * enough: a worker that is being replaced is told of, and takes nothing from the others.
 */
export function judgeReadiness(node: string, state: NodeState, seats: readonly WorkerSeat[]): Readiness {
  const serving = seats.filter(({ serves }) => serves);
  const reasons =
    state === 'stopping'
      ? ['the node is stopping']
      : seats.filter(({ serves }) => !serves).map((seat) => `worker ${seat.number} is ${seat.state}`);
  return {
    ready: state === 'serving' && serving.length > 0,
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
