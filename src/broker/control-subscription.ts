import {
  reservedPrefix,
  type Broker,
  type ControlCapability,
  type ControlMessage,
  type Publication,
} from './broker.ts';

/** The subscription of all nodes; a node's own has its name after it, with a colon between. */
const controlName = `${reservedPrefix}control`;

/**
 * A broker's control: publications to a subscription of the node and to one of all nodes. They take the way of every
 * other publication, up to the place where the broker hands over to its sink; there `takes` picks them out.
 */
export class ControlSubscription implements ControlCapability {
  readonly #broker: Pick<Broker, 'subscribe' | 'publish'>;
  #names: readonly string[] = [];
  #receive: (message: ControlMessage) => void = () => {};

  constructor(broker: Pick<Broker, 'subscribe' | 'publish'>) {
    this.#broker = broker;
  }

  async listen(node: string, receive: (message: ControlMessage) => void): Promise<void> {
    this.#names = [controlName, nodeControlName(node)];
    this.#receive = receive;
    await this.#broker.subscribe(this.#names);
  }

  async send({ type, body }: ControlMessage, node?: string): Promise<void> {
    await this.#broker.publish({
      subscription: node === undefined ? controlName : nodeControlName(node),
      data: Buffer.from(JSON.stringify({ type, body })),
      kind: 'text',
      exclude: [],
    });
  }

  /** Whether what happens to this subscription is the control's own, and nothing for the sink. */
  owns(name: string): boolean {
    return name.startsWith(controlName) && this.#names.includes(name);
  }

  /** Whether this publication is the control's own. What is no control message is ignored: anyone may publish there. */
  takes({ subscription, data }: Publication): boolean {
    if (!this.owns(subscription)) return false;
    const message = controlMessage(data);
    if (message !== undefined) this.#receive(message);
    return true;
  }
}

function nodeControlName(node: string): string {
  return `${controlName}:${node}`;
}

function controlMessage(data: Buffer): ControlMessage | undefined {
  let value: unknown;
  try {
    value = JSON.parse(data.toString());
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null || !('type' in value) || !('body' in value)) return undefined;
  const { type, body } = value;
  return typeof type === 'string' && typeof body === 'string' ? { type, body } : undefined;
}
