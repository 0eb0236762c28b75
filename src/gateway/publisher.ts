import type { Broker, Position, Publication, PublishOptions } from '../broker/broker.ts';
import type { Counts } from '../metrics/counts.ts';
import type { MulticastOptions } from './calls.ts';
import { checkPublicationId } from './check-arguments.ts';
import type { Dispatcher } from './receiving/dispatcher.ts';
import { kindOf } from './encoding.ts';
import { checkName } from './subscription-name.ts';
import type { SubscriptionRules } from './subscription-rules.ts';
import type { Trace } from './trace.ts';

export interface PublisherParts {
  readonly broker: Broker;
  readonly rules: SubscriptionRules;
  readonly dispatcher: Dispatcher;
  readonly counts: Counts;
  readonly trace: Trace;
}

/** From the apps to the broker. */
export class Publisher {
  readonly #parts: PublisherParts;

  constructor(parts: PublisherParts) {
    this.#parts = parts;
  }

  /** As `Gateway.multicast`. */
  async multicast(name: string, data: string | Buffer, options: MulticastOptions): Promise<Position | undefined> {
    const { broker, rules, dispatcher, counts, trace } = this.#parts;
    checkName(name);
    const { kind = kindOf(data), exclude = [], info, id } = options;
    if (id !== undefined) checkPublicationId(id);
    trace.message('multicast', name, data.length);
    const publication: Publication = {
      subscription: name,
      data: typeof data === 'string' ? Buffer.from(data) : data,
      kind,
      exclude: exclude.map((connection) => connection.id),
      ...(info === undefined ? undefined : { info }),
      publishedMs: Date.now(),
    };
    const bytes = publication.data.length + (info?.length ?? 0);
    const connection = dispatcher.publishing(bytes);
    try {
      const position = await broker.publish(publication, publishOptions(rules, name, id));
      counts.multicastsAccepted++;
      return position;
    } catch (error) {
      counts.multicastsRejected++;
      throw error;
    } finally {
      dispatcher.settled(connection, bytes);
    }
  }
}

function publishOptions(rules: SubscriptionRules, name: string, id: string | undefined): PublishOptions | undefined {
  const { history } = rules.ruleOf(name);
  if (history === undefined) return id === undefined ? undefined : { id };
  return id === undefined ? { history } : { history, id };
}
