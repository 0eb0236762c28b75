import type { ControlCapability, ControlMessage } from '../../broker/broker.ts';
import type { Log } from '../../lib/log.ts';
import { quote } from '../../lib/quote.ts';
import type { Severities, SeverityState } from '../../lib/severities.ts';
import type { Counts } from '../../metrics/counts.ts';
import { administrativeClose, isSendableCloseCode, replaced } from '../close-codes.ts';
import type { Connection } from '../connection.ts';
import {
  decodeOrder,
  encodeOrder,
  type DisconnectOrder,
  type DisconnectTarget,
  type GatewayOrder,
} from './control-messages.ts';
import { ArgumentError, CapabilityError, UnknownNodeError } from '../errors.ts';
import type { NodeFacts } from './node-facts.ts';

export interface ClusterControlParts {
  /** Of the broker. */
  readonly control: ControlCapability | undefined;
  /** This node's name. */
  readonly node: string;
  readonly connections: ReadonlyMap<string, Connection>;
  readonly severities: Severities;
  readonly counts: Counts;
  /** Who is in the cluster; undefined where nobody knows. */
  readonly nodes: (() => Promise<readonly NodeFacts[]>) | undefined;
  readonly log: Log;
}

export interface DisconnectOptions {
  /** Default 4500, disconnected. */
  readonly code?: number;
  /** Default "disconnected by the operator". */
  readonly reason?: string;
}

/** Orders that hold on every node, whoever gives them: ending connections, switching severities. */
export class ClusterControl {
  readonly #parts: ClusterControlParts;

  constructor(parts: ClusterControlParts) {
    this.#parts = parts;
  }

  /** Resolves when orders given later will be received. */
  async start(): Promise<void> {
    await this.#parts.control?.listen(this.#parts.node, (message) => this.#received(message));
  }

  async disconnect(
    target: DisconnectTarget,
    { code = administrativeClose, reason = 'disconnected by the operator' }: DisconnectOptions,
  ): Promise<void> {
    if (!isSendableCloseCode(code))
      throw new ArgumentError(`close code ${code}: expected 1000-1003, 1007-1014 or 3000-4999`);
    const control = this.#capability();
    const order: DisconnectOrder = { type: 'disconnect', target, code, reason };
    // Those that are here go at once, also while the broker is away. An id is of one connection in the whole cluster.
    const closed = this.#disconnect(order);
    if ('connection' in target && closed > 0) return;
    await control.send(encodeOrder(order));
  }

  async setSeverities(change: Partial<SeverityState>, node: string | undefined): Promise<void> {
    const control = this.#capability();
    const message = encodeOrder({ type: 'severities', change });
    // Told here rather than ignored everywhere.
    checkOrder(message);
    if (node !== undefined) await this.#checkNode(node);
    await control.send(message, node);
  }

  #capability(): ControlCapability {
    if (this.#parts.control === undefined) throw new CapabilityError('control messages');
    return this.#parts.control;
  }

  async #checkNode(name: string): Promise<void> {
    const nodes = await this.#parts.nodes?.();
    if (nodes === undefined) return;
    const names = new Set(nodes.map((node) => node.name));
    if (!names.has(name)) throw new UnknownNodeError(name, [...names]);
  }

  #received(message: ControlMessage): void {
    let order: GatewayOrder | undefined;
    try {
      order = decodeOrder(message);
    } catch (error) {
      this.#ignored(message, error instanceof Error ? error.message : String(error));
      return;
    }
    if (order === undefined) this.#ignored(message, 'this version of Carillon does not know it');
    else if (order.type === 'disconnect') this.#disconnect(order);
    else this.#parts.severities.set(order.change);
  }

  #ignored({ type }: ControlMessage, why: string): void {
    this.#parts.log.warn({ event: 'control-ignored', type }, `a control message ${quote(type)} was ignored: ${why}`);
  }

  /** @returns how many connections it has begun to close */
  #disconnect({ target, code, reason }: DisconnectOrder): number {
    const closing = this.#targets(target).filter(({ open }) => open);
    for (const connection of closing) {
      if (code === replaced) this.#parts.counts.countLimit('user-connections');
      connection.close(code, reason);
    }
    if (closing.length > 0)
      this.#parts.log.info(
        { event: 'disconnected', ...target, connections: closing.length, code, reason },
        `${closing.length} of this worker's connections were told to go`,
      );
    return closing.length;
  }

  #targets(target: DisconnectTarget): readonly Connection[] {
    const { connections } = this.#parts;
    if ('user' in target) return [...connections.values()].filter(({ identity }) => identity?.user === target.user);
    const connection = connections.get(target.connection);
    return connection === undefined ? [] : [connection];
  }
}

/** @throws ArgumentError */
function checkOrder(message: ControlMessage): void {
  try {
    decodeOrder(message);
  } catch (error) {
    throw new ArgumentError(error instanceof Error ? error.message : String(error));
  }
}
