import type { PresenceMember } from '../../broker/broker.ts';
import { severityNames, type SeverityName, type SeverityState } from '../../lib/severities.ts';

// What workers tell the cluster of themselves: each is a member of the subscription `carillon:nodes`, with the node's
// name as its user and the rest as its information.

/** Who a worker is; does not change while it runs. */
export interface NodeIdentity {
  /** The node's name, unique in the cluster. */
  readonly name: string;
  /** Of this run of the node, the same for all its workers: tells two nodes apart that were given the same name. */
  readonly instance: string;
  /** Number on its node, from 1; 0 where there are no worker processes. */
  readonly worker: number;
  /** Of Carillon. */
  readonly version: string;
  /** The machine's own name. */
  readonly host: string;
  /** Where `/metrics`, `/live` and `/ready` of the node are: `http://127.0.0.1:9080`. */
  readonly operations?: string;
}

/** One node of the cluster, as its workers last described it. */
export interface NodeFacts {
  readonly name: string;
  readonly instance: string;
  readonly host: string;
  readonly operations?: string;
  /** When one of its workers last said something, in milliseconds since 1970 by that machine's clock. */
  readonly seenAt: number;
  /** By number. */
  readonly workers: readonly NodeWorkerFacts[];
}

export interface NodeWorkerFacts {
  readonly worker: number;
  readonly pid: number;
  readonly version: string;
  /** In milliseconds since 1970 by that machine's clock, as `seenAt`. */
  readonly startedAt: number;
  readonly seenAt: number;
  /** Open WebSocket connections. */
  readonly connections: number;
  /** Subscriptions with at least one subscriber on this worker. */
  readonly subscriptions: number;
  readonly severities: SeverityState;
  /** It takes leave of its clients. It may have a successor with the same number already. */
  readonly draining?: true;
}

interface Described {
  readonly node: Omit<NodeFacts, 'seenAt' | 'workers'>;
  readonly worker: NodeWorkerFacts;
}

/** @param connectionId the worker's own id in the directory */
export function describeWorker(
  connectionId: string,
  { name, instance, host, operations, version }: NodeIdentity,
  facts: Omit<NodeWorkerFacts, 'version'>,
): PresenceMember {
  const info = { instance, host, ...(operations === undefined ? {} : { operations }), version, ...facts };
  return { connectionId, user: name, info: JSON.stringify(info) };
}

/**
 * Groups what workers said by node, ordered by name. Members that are not as `describeWorker` makes them are left out,
 * and workers that were killed as soon as they have a successor; one that drains stays beside its successor.
 */
export function nodesOf(members: readonly PresenceMember[]): NodeFacts[] {
  const nodes = new Map<string, { readonly node: Described['node']; readonly workers: NodeWorkerFacts[] }>();
  for (const member of members) {
    const described = readMember(member);
    if (described === undefined) continue;
    const { node, worker } = described;
    const key = JSON.stringify([node.name, node.instance]);
    const known = nodes.get(key);
    if (known === undefined) nodes.set(key, { node, workers: [worker] });
    else known.workers.push(worker);
  }
  return [...nodes.values()]
    .map(({ node, workers }) => ({
      ...node,
      seenAt: Math.max(...workers.map(({ seenAt }) => seenAt)),
      workers: latestOfEach(workers),
    }))
    .toSorted((a, b) => compare(a.name, b.name) || compare(a.instance, b.instance));
}

/** By number; of those with the same number only the last one can be alive, and those that drain. */
function latestOfEach(workers: readonly NodeWorkerFacts[]): NodeWorkerFacts[] {
  const latest = new Map<number, NodeWorkerFacts>();
  const byStart = workers.toSorted((a, b) => a.startedAt - b.startedAt);
  for (const facts of byStart) latest.set(facts.worker, facts);
  const alive = byStart.filter((facts) => facts.draining === true || latest.get(facts.worker) === facts);
  return alive.toSorted((a, b) => a.worker - b.worker);
}

function readMember({ user, info }: PresenceMember): Described | undefined {
  const facts = objectIn(info);
  if (user === undefined || facts === undefined) return undefined;
  const { instance, host, operations, version, worker, pid, startedAt, seenAt, connections, subscriptions } = facts;
  if (typeof instance !== 'string' || typeof host !== 'string' || typeof version !== 'string') return undefined;
  if (!isCount(worker) || !isCount(pid) || !isCount(startedAt) || !isCount(seenAt)) return undefined;
  if (!isCount(connections) || !isCount(subscriptions)) return undefined;
  return {
    node: { name: user, instance, host, ...(typeof operations === 'string' ? { operations } : {}) },
    worker: {
      worker,
      pid,
      version,
      startedAt,
      seenAt,
      connections,
      subscriptions,
      severities: severitiesIn(facts['severities']),
      ...(facts['draining'] === true ? { draining: true } : {}),
    },
  };
}

/** Another version of Carillon may know others: what is not said is off. */
function severitiesIn(value: unknown): SeverityState {
  const said: Readonly<Record<string, unknown>> = isObject(value) ? value : {};
  return Object.fromEntries(severityNames.map((name) => [name, said[name] === true])) as Record<SeverityName, boolean>;
}

/** The JSON object in a text; undefined where there is none. */
export function objectIn(text: string | undefined): Readonly<Record<string, unknown>> | undefined {
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
