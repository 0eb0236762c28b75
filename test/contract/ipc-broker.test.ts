import { describe } from 'vitest';
import { IpcCluster } from '../support/ipc-cluster.ts';
import { brokerContract } from './broker-contract.ts';
import { brokerProperties } from './broker-properties.ts';
import { controlContract } from './control-contract.ts';
import { historyContract } from './history-contract.ts';
import { historyProperties } from './history-properties.ts';
import { presenceContract } from './presence-contract.ts';
import { probeContract } from './probe-contract.ts';
import { publishContract } from './publish-contract.ts';

async function ipcCluster(): Promise<IpcCluster> {
  // A small backlog, so that a fault need not be a big one.
  return new IpcCluster({ backlogBytes: 8 * 1024 * 1024 });
}

describe('the ipc broker', () => {
  brokerContract(ipcCluster);
  publishContract(ipcCluster);
  historyContract(ipcCluster);
  presenceContract(ipcCluster);
  controlContract(ipcCluster);
  probeContract(ipcCluster);
  brokerProperties(ipcCluster);
  historyProperties(ipcCluster);
});
