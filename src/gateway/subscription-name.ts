import { reservedPrefix } from '../broker/broker.ts';
import { quote } from '../lib/quote.ts';
import { SubscriptionNameError } from './errors.ts';

/** Reaches every connection of the cluster; nobody subscribes to it, everybody is in it. */
export const everyone = 'all';

/** @throws SubscriptionNameError */
export function checkName(name: string): void {
  if (name === '') throw new SubscriptionNameError('a subscription needs a name, found ""');
  if (name.startsWith(reservedPrefix)) {
    throw new SubscriptionNameError(
      `the name ${quote(name)} is reserved: names that begin with "${reservedPrefix}" are Carillon's own`,
    );
  }
}

/** @throws SubscriptionNameError also for `all`, which nobody can subscribe to */
export function checkSubscribable(name: string): void {
  checkName(name);
  if (name === everyone) throw new SubscriptionNameError(`"${everyone}" is reserved: every connection is in it`);
}
