import type { Config } from '../config/config.ts';
import type { SeverityName, SeverityState } from '../lib/severities.ts';
import type { NodeFacts } from '../gateway/cluster/node-facts.ts';
import type { MetricsSnapshot } from '../metrics/snapshot.ts';
import type { TlsPair } from './tls-pair.ts';

// What primary and worker say to each other, over node:cluster's channel as JSON; publications have a pipe of their
// own. Neither ever waits for an answer of the other without a deadline.

export type ToWorker =
  | StartWorker
  /** Accept connections; the port is the real one where the configuration asked for any. */
  | { readonly type: 'listen'; readonly port: number }
  /** Leave new connections to the others for a while. */
  | { readonly type: 'pause' }
  | { readonly type: 'severities'; readonly state: SeverityState }
  | { readonly type: 'tls'; readonly pair: TlsPair }
  | { readonly type: 'duty'; readonly duty: string; readonly resumeFrom?: string }
  /** The log files may have been renamed: write to those that have the names now. */
  | { readonly type: 'reopen-logs' }
  | DrainWorker
  /** Take leave of the clients that are left and end. */
  | { readonly type: 'stop' };

/** The first message. */
export interface StartWorker {
  readonly type: 'start';
  readonly worker: number;
  /** Of this run of the node: see `NodeIdentity`. */
  readonly instance: string;
  /** Where the node's operations port is, as a URL without a path. */
  readonly operations?: string;
  readonly config: Config;
  readonly severities: SeverityState;
  readonly tls?: TlsPair;
  /** 48 bytes in base64, the same for all workers of the node: a client resumes its TLS session at any of them. */
  readonly ticketKeys: string;
}

/** Take leave of the clients and end. */
export interface DrainWorker {
  readonly type: 'drain';
  /** How long it goes on as before, in milliseconds. */
  readonly delayMs: number;
  /** Over how long it closes its connections then, in milliseconds. */
  readonly periodMs: number;
  /** There is another worker in its place: nobody is refused, and what still asks this one is answered. */
  readonly hasSuccessor: boolean;
}

/** Comes once a second from a worker that is well. */
export interface WorkerReport {
  readonly type: 'report';
  /** The metrics that are not as in its last report; in the first one all. */
  readonly snapshot: MetricsSnapshot;
  readonly connections: number;
  /** Why the last round trip through the broker failed; absent: it succeeded. */
  readonly brokerFailure?: string;
}

export type FromWorker =
  /** The process listens to its primary. */
  | { readonly type: 'hears' }
  /** Everything but the accepting has started. */
  | { readonly type: 'mounted' }
  | { readonly type: 'listening'; readonly port: number }
  | { readonly type: 'paused' }
  /** It accepts no more connections and closes those it has; it ends itself. */
  | { readonly type: 'draining'; readonly connections: number }
  /** The worker cannot start or go on; it ends itself. */
  | { readonly type: 'failed'; readonly message: string }
  /** Open WebSocket connections, soon after new ones came, where there are several workers. */
  | { readonly type: 'load'; readonly connections: number }
  | WorkerReport
  /** The broker fails, or fails otherwise, or is well again. */
  | { readonly type: 'broker'; readonly failure?: string }
  /** Who is in the cluster, as one of the workers reads every few seconds. */
  | { readonly type: 'nodes'; readonly nodes: readonly NodeFacts[] }
  | { readonly type: 'severities'; readonly change: Partial<Record<SeverityName, boolean>> }
  | { readonly type: 'duty-offered'; readonly duty: string }
  | { readonly type: 'duty-state'; readonly duty: string; readonly state: string }
  | { readonly type: 'duty-failed'; readonly duty: string }
  | { readonly type: 'duty-ended'; readonly duty: string };
