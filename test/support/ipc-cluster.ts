import type { Socket } from 'node:net';
import type { Broker } from '../../src/broker/broker.ts';
import { IpcBroker, type IpcBrokerOptions } from '../../src/broker/ipc/ipc-broker.ts';
import { IpcSwitch, type IpcSwitchOptions } from '../../src/broker/ipc/ipc-switch.ts';
import type { BrokerCluster } from './broker-cluster.ts';
import { socketPair, type SocketPair } from './socket-pair.ts';

/** A switch whose workers all live in this process, with a real socket between each and the switch. */
export class IpcCluster implements BrokerCluster {
  readonly switch: IpcSwitch;
  readonly #brokers: IpcBroker[] = [];
  readonly #pipes = new Map<Broker, Socket>();
  readonly #pairs: SocketPair[] = [];

  constructor(options: Partial<IpcSwitchOptions> = {}) {
    this.switch = new IpcSwitch(options);
  }

  /** Attaches one end of a new pipe to the switch and answers the other. */
  async pipe(): Promise<Socket> {
    const pair = await socketPair();
    this.#pairs.push(pair);
    this.switch.attach(pair.far);
    return pair.near;
  }

  async join(options: Partial<IpcBrokerOptions> = {}): Promise<IpcBroker> {
    return (await this.joinWithPipe(options)).broker;
  }

  async joinWithPipe(options: Partial<IpcBrokerOptions> = {}): Promise<{ broker: IpcBroker; pipe: Socket }> {
    const pipe = await this.pipe();
    const broker = new IpcBroker(pipe, options);
    this.#brokers.push(broker);
    this.#pipes.set(broker, pipe);
    return { broker, pipe };
  }

  /** The worker does not read for a while, so that the switch withholds from it what comes to more than its backlog. */
  async fault(broker: Broker, meanwhile: () => Promise<unknown>): Promise<void> {
    const pipe = this.#pipes.get(broker);
    pipe?.pause();
    await meanwhile();
    pipe?.resume();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#brokers.map((broker) => broker.close()));
    this.switch.close();
    for (const pair of this.#pairs) pair[Symbol.dispose]();
  }
}
