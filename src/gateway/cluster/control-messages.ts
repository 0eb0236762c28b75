import type { ControlMessage } from '../../broker/broker.ts';
import { isSeverityName, severityNames, type SeverityState } from '../../lib/severities.ts';
import { isSendableCloseCode } from '../close-codes.ts';
import { isObject, objectIn } from './node-facts.ts';

/** Whose connections: the one with this id, or all of this authenticated user. */
export type DisconnectTarget = { readonly connection: string } | { readonly user: string };

/** What the gateways of a cluster tell each other. */
export type GatewayOrder = DisconnectOrder | SeveritiesOrder;

export interface DisconnectOrder {
  readonly type: 'disconnect';
  readonly target: DisconnectTarget;
  readonly code: number;
  readonly reason: string;
}

export interface SeveritiesOrder {
  readonly type: 'severities';
  readonly change: Partial<SeverityState>;
}

/** A control message that is not as its type wants it; says what is wrong. */
export class ControlMessageError extends Error {
  readonly code = 'CONTROL_MESSAGE';
}

export function encodeOrder(order: GatewayOrder): ControlMessage {
  const { type, ...body } = order;
  return { type, body: JSON.stringify(body) };
}

/**
 * @returns undefined for a type that this version does not know
 * @throws ControlMessageError
 */
export function decodeOrder({ type, body }: ControlMessage): GatewayOrder | undefined {
  if (type !== 'disconnect' && type !== 'severities') return undefined;
  const fields = objectIn(body);
  if (fields === undefined) throw new ControlMessageError('the body is not a JSON object');
  return type === 'disconnect' ? readDisconnect(fields) : { type, change: readChange(fields['change']) };
}

function readDisconnect({ target, code, reason }: Readonly<Record<string, unknown>>): DisconnectOrder {
  if (typeof code !== 'number' || !isSendableCloseCode(code))
    throw new ControlMessageError('"code" is not a close code that may be sent');
  if (typeof reason !== 'string') throw new ControlMessageError('"reason" is not a string');
  return { type: 'disconnect', target: readTarget(target), code, reason };
}

function readTarget(target: unknown): DisconnectTarget {
  if (isObject(target)) {
    const { connection, user } = target;
    if (typeof connection === 'string' && user === undefined) return { connection };
    if (typeof user === 'string' && connection === undefined) return { user };
  }
  throw new ControlMessageError('"target" has neither "connection" nor "user" as a string');
}

function readChange(change: unknown): Partial<SeverityState> {
  if (!isObject(change)) throw new ControlMessageError('"change" is not an object');
  for (const [name, on] of Object.entries(change)) {
    if (!isSeverityName(name))
      throw new ControlMessageError(
        `there is no severity ${JSON.stringify(name)}; there are ${severityNames.join(', ')}`,
      );
    if (typeof on !== 'boolean') throw new ControlMessageError(`"${name}" is neither true nor false`);
  }
  return change;
}
