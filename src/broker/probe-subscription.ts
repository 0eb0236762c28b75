import { randomUUID } from 'node:crypto';
import {
  BrokerClosedError,
  BrokerUnavailableError,
  type Broker,
  type ProbeCapability,
  type Publication,
} from './broker.ts';

interface Awaited {
  came(): void;
  failed(error: Error): void;
}

/**
 * A broker's probe: tiny publications to a subscription that nobody else knows of. They take the way of every other
 * publication, up to the place where the broker hands over to its sink; there `takes` picks them out.
 */
export class ProbeSubscription implements ProbeCapability {
  readonly name: string = `carillon:probe:${randomUUID()}`;
  readonly #broker: Pick<Broker, 'subscribe' | 'publish'>;
  readonly #awaited = new Map<string, Awaited>();
  #subscribed: Promise<void> | undefined;
  #sent = 0;

  constructor(broker: Pick<Broker, 'subscribe' | 'publish'>) {
    this.#broker = broker;
  }

  roundTrip(deadlineMs: number): Promise<number> {
    const startedMs = performance.now();
    const token = String(++this.#sent);
    return new Promise((resolve, reject) => {
      const over = (): void => {
        clearTimeout(timer);
        this.#awaited.delete(token);
      };
      const failed = (error: Error): void => {
        over();
        reject(error);
      };
      const timer = setTimeout(
        () => failed(new BrokerUnavailableError(`a publication did not come back within ${deadlineMs} ms`)),
        deadlineMs,
      );
      this.#awaited.set(token, {
        came() {
          over();
          resolve(performance.now() - startedMs);
        },
        failed,
      });
      this.#publish(token).catch(failed);
    });
  }

  /** Whether this publication is the probe's own, and nothing for the sink. */
  takes({ subscription, data }: Publication): boolean {
    if (subscription !== this.name) return false;
    this.#awaited.get(data.toString())?.came();
    return true;
  }

  /** The broker has been closed. */
  close(): void {
    for (const { failed } of this.#awaited.values()) failed(new BrokerClosedError());
  }

  async #publish(token: string): Promise<void> {
    await (this.#subscribed ??= this.#subscribe());
    await this.#broker.publish({ subscription: this.name, data: Buffer.from(token), kind: 'text', exclude: [] });
  }

  async #subscribe(): Promise<void> {
    try {
      await this.#broker.subscribe([this.name]);
    } catch (error) {
      // The next round trip tries again.
      this.#subscribed = undefined;
      throw error;
    }
  }
}
