import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  ControlMessageError,
  decodeOrder,
  encodeOrder,
  type GatewayOrder,
} from '../../src/gateway/cluster/control-messages.ts';

const orders: readonly GatewayOrder[] = [
  { type: 'disconnect', target: { connection: 'x.1' }, code: 4500, reason: '' },
  { type: 'disconnect', target: { user: 'ada' }, code: 1008, reason: 'ausgesperrt 🔔' },
  { type: 'severities', change: { debug: true, 'carillon:message': false } },
  { type: 'severities', change: {} },
];

describe('control messages', () => {
  it.each(orders)('arrive as they were sent: %j', (order) => {
    expect(decodeOrder(encodeOrder(order))).toEqual(order);
  });

  it('of types that are not known are no orders', () => {
    expect(decodeOrder({ type: 'drain', body: '{}' })).toBeUndefined();
  });

  it.each([
    ['disconnect', 'no JSON', 'the body is not a JSON object'],
    ['disconnect', '[]', 'the body is not a JSON object'],
    ['disconnect', '{"target":{"user":"a"},"code":1006,"reason":""}', '"code" is not a close code that may be sent'],
    ['disconnect', '{"target":{"user":"a"},"code":"1000","reason":""}', '"code" is not a close code that may be sent'],
    ['disconnect', '{"target":{"user":"a"},"code":1000}', '"reason" is not a string'],
    ['disconnect', '{"target":{},"code":1000,"reason":""}', '"target" has neither "connection" nor "user" as a string'],
    ['severities', '{}', '"change" is not an object'],
    ['severities', '{"change":{"debug":1}}', '"debug" is neither true nor false'],
    ['severities', '{"change":{"trace":true}}', /^there is no severity "trace"; there are error, warn, /],
  ])('of type %s with the body %s are refused: %s', (type, body, why) => {
    expect(() => decodeOrder({ type, body })).toThrow(why);
  });

  it('never make anything but an order or that refusal, whatever they hold', () => {
    const type = fc.constantFrom('disconnect', 'severities', 'other');
    fc.assert(
      fc.property(type, fc.oneof(fc.string(), fc.json()), (name, body) => {
        try {
          decodeOrder({ type: name, body });
        } catch (error) {
          expect(error).toBeInstanceOf(ControlMessageError);
        }
      }),
    );
  });
});
