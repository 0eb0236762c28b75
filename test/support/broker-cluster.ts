import type { Broker, Publication } from '../../src/broker/broker.ts';
import { RecordingSink } from './recording-sink.ts';
import { until } from './until.ts';

/** Where the brokers of a contract test come from. Disposing of it closes them. */
export interface BrokerCluster extends AsyncDisposable {
  /** One more broker, not started. */
  join(): Promise<Broker>;
}

export type MakeBrokerCluster = () => Promise<BrokerCluster>;

/** A started broker with what it handed over. */
export interface Participant {
  readonly broker: Broker;
  readonly sink: RecordingSink;
}

export async function participants(cluster: BrokerCluster, count: number): Promise<Participant[]> {
  const started: Participant[] = [];
  for (let index = 0; index < count; index++) started.push(await participant(cluster));
  return started;
}

export async function participant(
  cluster: BrokerCluster,
  sink: RecordingSink = new RecordingSink(),
): Promise<Participant> {
  const broker = await cluster.join();
  await broker.start(sink);
  return { broker, sink };
}

export function textPublication(subscription: string, text: string): Publication {
  return { subscription, data: Buffer.from(text), kind: 'text', exclude: [] };
}

let fences = 0;

/** Resolves when what the participants have asked for until now has come to all of them. */
export async function settled(all: readonly Participant[]): Promise<void> {
  const name = `fence ${++fences}`;
  await Promise.all(all.map(({ broker }) => broker.subscribe([name])));
  await Promise.all(all.map(({ broker }) => broker.publish(textPublication(name, 'fence'))));
  await until(() => all.every(({ sink }) => sink.texts(name).length === all.length), {
    everyMs: 1,
    what: 'fences arrived',
  });
  await Promise.all(all.map(({ broker }) => broker.unsubscribe([name])));
}
