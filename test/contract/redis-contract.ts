import { afterAll, beforeAll } from 'vitest';
import type { BrokerCluster } from '../support/broker-cluster.ts';
import { brokerContract } from './broker-contract.ts';
import { brokerProperties } from './broker-properties.ts';
import { controlContract } from './control-contract.ts';
import { historyContract } from './history-contract.ts';
import { historyProperties } from './history-properties.ts';
import { presenceContract } from './presence-contract.ts';
import { probeContract } from './probe-contract.ts';
import { publishContract } from './publish-contract.ts';

/** Every contract, for brokers on servers that are started once. */
export function redisContract<Servers extends AsyncDisposable>(
  start: () => Promise<Servers>,
  makeBrokers: (servers: Servers) => BrokerCluster,
): void {
  let servers: Servers;
  beforeAll(async () => {
    servers = await start();
  }, 60_000);
  afterAll(async () => {
    await servers[Symbol.asyncDispose]();
  });
  const make = async (): Promise<BrokerCluster> => makeBrokers(servers);

  brokerContract(make);
  publishContract(make);
  historyContract(make);
  presenceContract(make);
  controlContract(make);
  probeContract(make);
  brokerProperties(make);
  historyProperties(make);
}
