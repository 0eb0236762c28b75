import type { Readiness } from '../../src/server/readiness.ts';
import type { Product } from './start-product.ts';
import { until } from './until.ts';

/** A fault of a shared server is noticed, and its end, within this time on a machine that is busy. */
const deadlineMs = 20_000;

export async function readinessOf(product: Product): Promise<{ readonly status: number; readonly body: Readiness }> {
  const response = await fetch(product.operationsUrl('/ready'));
  return { status: response.status, body: (await response.json()) as Readiness };
}

/**
 * Waits until the node is not ready, for reasons of the broker on every worker and for all of them as expected: before
 * it settles, a connection that breaks may be told of.
 *
 * @param expected part of the reason, or a pattern of it
 * @returns the reasons, one per worker
 * @throws Error with the last answer when that does not come
 */
export async function untilRed(product: Product, expected: string | RegExp): Promise<readonly string[]> {
  let last: unknown;
  const says = (told: string): boolean =>
    told.includes('gets no publication') &&
    (typeof expected === 'string' ? told.includes(expected) : expected.test(told));
  const red = async (): Promise<readonly string[] | false> => {
    const { status, body } = await readinessOf(product);
    last = { status, reasons: body.reasons };
    return status === 503 && body.reasons.length > 0 && body.reasons.every(says) && body.reasons;
  };
  return await until(red, { deadlineMs }).catch(() => {
    throw new Error(`/ready was to say ${String(expected)}; it says ${JSON.stringify(last)}`);
  });
}

/** Waits until the node is ready and all its workers are well. */
export async function untilGreen(product: Product): Promise<void> {
  let last: unknown;
  const green = async (): Promise<boolean> => {
    const { status, body } = await readinessOf(product);
    last = { status, reasons: body.reasons };
    return status === 200 && body.reasons.length === 0;
  };
  await until(green, { deadlineMs }).catch(() => {
    throw new Error(`/ready was to be green; it says ${JSON.stringify(last)}`);
  });
}

export async function isAlive(product: Product): Promise<boolean> {
  return (await fetch(product.operationsUrl('/live'))).status === 200;
}
