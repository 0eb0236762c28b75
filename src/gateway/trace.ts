import type { Log, LogFields } from '../lib/log.ts';
import type { Severities, SeverityName } from '../lib/severities.ts';

/** Of log-view's subscriptions: the lines of a log, and what nodes put down of them. */
const logViewNames = /^log(?:-record)?:/;

/** The `carillon:*` debug loggers (NaviServer's `ws::log`): silent until their switch is thrown, at any time. */
export class Trace {
  readonly #log: Log;
  readonly #severities: Severities;

  constructor(log: Log, severities: Severities) {
    this.#log = log;
    this.#severities = severities;
  }

  write(logger: SeverityName, fields: LogFields): void {
    if (this.#severities.isOn(logger)) this.#log.debug({ logger, ...fields }, fields.event);
  }

  /**
   * One message on its way. Takes its facts apart, so that nothing is made for a logger that is off. Log-view's own
   * traffic is left out: a line about delivering lines would be delivered as a line, for ever.
   * @param where a subscription's name or a connection's id
   */
  message(event: string, where: string, bytes: number): void {
    if (!this.#severities.isOn('carillon:message') || logViewNames.test(where)) return;
    this.#log.debug({ logger: 'carillon:message', event, where, bytes }, event);
  }
}
