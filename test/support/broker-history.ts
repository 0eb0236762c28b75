import type { Broker, HistoryCapability, HistoryRule, Position, Publication } from '../../src/broker/broker.ts';
import { textPublication } from './broker-cluster.ts';

interface HasBroker {
  readonly broker: Broker;
}

export function historyOf({ broker }: HasBroker): HistoryCapability {
  if (broker.history === undefined) throw new Error('this broker has no history');
  return broker.history;
}

/** Publishes with history: 1,000 publications, for a minute, unless the rule says otherwise. */
export async function keep(
  { broker }: HasBroker,
  name: string,
  text: string,
  rule: Partial<HistoryRule> = {},
  id?: string,
): Promise<Position> {
  const history = { size: 1_000, ttl: 60, ...rule };
  const position = await broker.publish(textPublication(name, text), { history, ...(id === undefined ? {} : { id }) });
  if (position === undefined) throw new Error('what is kept has a position');
  return position;
}

export function offsets(publications: readonly Publication[]): (number | undefined)[] {
  return publications.map(({ position }) => position?.offset);
}

export function texts(publications: readonly Publication[]): string[] {
  return publications.map(({ data }) => data.toString());
}
