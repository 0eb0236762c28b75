import { describe } from 'vitest';
import { IpcCluster } from '../support/ipc-cluster.ts';
import { brokerContract } from './broker-contract.ts';
import { brokerProperties } from './broker-properties.ts';
import { presenceContract } from './presence-contract.ts';
import { probeContract } from './probe-contract.ts';

async function ipcCluster(): Promise<IpcCluster> {
  return new IpcCluster();
}

describe('the ipc broker', () => {
  brokerContract(ipcCluster);
  presenceContract(ipcCluster);
  probeContract(ipcCluster);
  brokerProperties(ipcCluster);
});
