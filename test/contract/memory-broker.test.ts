import { describe } from 'vitest';
import { MemoryCluster } from '../support/memory-cluster.ts';
import { brokerContract } from './broker-contract.ts';
import { brokerProperties } from './broker-properties.ts';
import { controlContract } from './control-contract.ts';
import { historyContract } from './history-contract.ts';
import { historyProperties } from './history-properties.ts';
import { presenceContract } from './presence-contract.ts';
import { probeContract } from './probe-contract.ts';
import { publishContract } from './publish-contract.ts';

async function memoryCluster(): Promise<MemoryCluster> {
  return new MemoryCluster();
}

describe('the memory broker', () => {
  brokerContract(memoryCluster);
  publishContract(memoryCluster);
  historyContract(memoryCluster);
  presenceContract(memoryCluster);
  controlContract(memoryCluster);
  probeContract(memoryCluster);
  brokerProperties(memoryCluster);
  historyProperties(memoryCluster);
});
