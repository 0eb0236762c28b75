import { describe } from 'vitest';
import { MemoryBroker } from '../../src/broker/memory/memory-broker.ts';
import { MemoryExchange } from '../../src/broker/memory/memory-exchange.ts';
import type { BrokerCluster } from '../support/broker-cluster.ts';
import { brokerContract } from './broker-contract.ts';
import { brokerProperties } from './broker-properties.ts';
import { presenceContract } from './presence-contract.ts';
import { probeContract } from './probe-contract.ts';

async function memoryCluster(): Promise<BrokerCluster> {
  const exchange = new MemoryExchange();
  const brokers: MemoryBroker[] = [];
  return {
    join: async () => {
      const broker = new MemoryBroker(exchange);
      brokers.push(broker);
      return broker;
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all(brokers.map((broker) => broker.close()));
    },
  };
}

describe('the memory broker', () => {
  brokerContract(memoryCluster);
  presenceContract(memoryCluster);
  probeContract(memoryCluster);
  brokerProperties(memoryCluster);
});
