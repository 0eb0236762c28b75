import { MemoryBroker } from '../../src/broker/memory/memory-broker.ts';
import { MemoryExchange } from '../../src/broker/memory/memory-exchange.ts';
import type { BrokerCluster } from './broker-cluster.ts';

/** Memory brokers that share an exchange. */
export class MemoryCluster implements BrokerCluster {
  readonly #exchange = new MemoryExchange();
  readonly #brokers: MemoryBroker[] = [];

  async join(): Promise<MemoryBroker> {
    const broker = new MemoryBroker(this.#exchange);
    this.#brokers.push(broker);
    return broker;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#brokers.map((broker) => broker.close()));
    this.#exchange.close();
  }
}
