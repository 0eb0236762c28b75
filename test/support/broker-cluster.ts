import type { Broker, Publication } from '../../src/broker/broker.ts';
import { RecordingSink } from './recording-sink.ts';
import { until } from './until.ts';

/** Where the brokers of a contract test come from. Disposing of it closes them. */
export interface BrokerCluster extends AsyncDisposable {
  /** One more broker, not started. */
  join(): Promise<Broker>;
  /**
   * Keeps what is published from this broker while `meanwhile` runs, and loses some of it, then lets it recover by
   * itself. Absent: nothing can come between these brokers. `meanwhile` publishes at least 16 MiB.
   */
  fault?(broker: Broker, meanwhile: () => Promise<unknown>): Promise<void>;
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

/** One per third of a Redis Cluster's slots, by their hash tags: what lies in different slots has no common order. */
const thirds = ['{a}', '{b}', '{c}'];

/** Resolves when what the participants have asked for until now has come to all of them. */
export async function settled(all: readonly Participant[]): Promise<void> {
  const number = ++fences;
  const names = thirds.map((tag) => `fence ${number} ${tag}`);
  await Promise.all(all.map(({ broker }) => broker.subscribe(names)));
  await Promise.all(all.flatMap(({ broker }) => names.map((name) => broker.publish(textPublication(name, 'fence')))));
  await until(() => all.every(({ sink }) => names.every((name) => sink.texts(name).length === all.length)), {
    everyMs: 1,
    what: 'fences arrived',
  });
  await Promise.all(all.map(({ broker }) => broker.unsubscribe(names)));
}
