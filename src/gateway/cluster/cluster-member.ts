import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { Broker } from '../../broker/broker.ts';
import type { Log } from '../../lib/log.ts';
import { packageVersion } from '../../lib/package-version.ts';
import type { Severities, SeverityState } from '../../lib/severities.ts';
import type { Counts } from '../../metrics/counts.ts';
import { ClusterControl, type DisconnectOptions } from './cluster-control.ts';
import type { Connection } from '../connection.ts';
import type { UserCapOptions } from '../gateway-options.ts';
import type { DisconnectTarget } from './control-messages.ts';
import { NodeDirectory } from './node-directory.ts';
import type { NodeFacts, NodeIdentity } from './node-facts.ts';
import { UserCap } from './user-cap.ts';

export interface ClusterMemberParts {
  readonly broker: Broker;
  readonly identity: NodeIdentity;
  /** Of this worker. */
  readonly connections: ReadonlyMap<string, Connection>;
  /** How many connections a user may have. */
  readonly userCap: UserCapOptions | undefined;
  readonly severities: Severities;
  readonly counts: Counts;
  readonly log: Log;
}

/** This worker as one of the cluster: it is in the list of nodes, and gives and carries out orders. */
export class ClusterMember {
  readonly #directory: NodeDirectory;
  readonly #control: ClusterControl;
  readonly #userCap: UserCap | undefined;

  constructor({ broker, identity, connections, userCap, severities, counts, log }: ClusterMemberParts) {
    const load = (): { connections: number; subscriptions: number } => ({
      connections: counts.connections,
      subscriptions: counts.subscriptions,
    });
    this.#directory = new NodeDirectory({ presence: broker.presence, identity, severities, load, log });
    this.#control = new ClusterControl({
      control: broker.control,
      node: identity.name,
      connections,
      severities,
      counts,
      nodes: broker.presence === undefined ? undefined : () => this.#directory.nodes(),
      log,
    });
    if (broker.presence !== undefined && userCap !== undefined && userCap.connections > 0)
      this.#userCap = new UserCap({
        options: userCap,
        presence: broker.presence,
        disconnect: (target, options) => this.#control.disconnect(target, options),
        counts,
        log,
      });
  }

  /** A connection has been made on this worker. */
  opened(connection: Connection): void {
    this.#userCap?.opened(connection);
  }

  /** It begins to close. */
  left(connection: Connection): void {
    this.#userCap?.left(connection);
  }

  /** To be called once the broker runs. */
  async start(): Promise<void> {
    // Whoever is in the list hears orders.
    await this.#control.start();
    await this.#directory.start();
  }

  nodes(): Promise<readonly NodeFacts[]> {
    return this.#directory.nodes();
  }

  disconnect(target: DisconnectTarget, options: DisconnectOptions): Promise<void> {
    return this.#control.disconnect(target, options);
  }

  setSeverities(change: Partial<SeverityState>, node: string | undefined): Promise<void> {
    return this.#control.setSeverities(change, node);
  }

  /** This worker is leaving: the others in the list see it. */
  drains(): void {
    this.#directory.drains();
  }

  /** To be called before the broker closes, which takes it off the list. */
  close(): void {
    this.#directory.close();
  }
}

/** Of a program that embeds Carillon, which is a node by itself. */
export function identityOf(name: string = hostname()): NodeIdentity {
  return { name, instance: randomUUID(), worker: 0, version: packageVersion(), host: hostname() };
}
