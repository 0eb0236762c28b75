import type { Gateway } from '../../gateway/gateway.ts';
import type { NodeFacts } from '../../gateway/cluster/node-facts.ts';
import { Alarm } from '../../lib/alarm.ts';
import type { NodeState } from './log-view-protocol.ts';

/** How often the list is read while somebody watches, in milliseconds. */
const everyMs = 2_000;
/** After a change by a viewer it is read sooner: the nodes enter it in the list themselves. Milliseconds. */
const soonMs = 200;

/** Which nodes there are and what severities they have, for the viewers of this worker: one reader for all of them. */
export class NodeWatch {
  readonly #gateway: Gateway;
  readonly #onChange: (nodes: readonly NodeState[]) => void;
  readonly #alarm = new Alarm();
  #nodes: readonly NodeState[] | undefined;
  #told = '';
  #isOn = false;
  #isLooping = false;
  #hastens = false;

  constructor(gateway: Gateway, onChange: (nodes: readonly NodeState[]) => void) {
    this.#gateway = gateway;
    this.#onChange = onChange;
  }

  /** Ordered by name; undefined where nobody has looked or the broker does not know. */
  get nodes(): readonly NodeState[] | undefined {
    return this.#nodes;
  }

  start(): void {
    this.#isOn = true;
    if (!this.#isLooping) void this.#loop();
  }

  stop(): void {
    this.#isOn = false;
    this.#alarm.ring();
  }

  /** Something was changed: looks soon. */
  refresh(): void {
    this.#hastens = true;
    this.#alarm.ring();
  }

  async #loop(): Promise<void> {
    this.#isLooping = true;
    while (this.#isOn) {
      const hastens = this.#hastens;
      this.#hastens = false;
      await this.#look();
      await this.#alarm.sleep(hastens || this.#hastens ? soonMs : everyMs);
    }
    this.#isLooping = false;
    this.#nodes = undefined;
    this.#told = '';
  }

  async #look(): Promise<void> {
    let nodes: readonly NodeState[];
    try {
      nodes = statesOf(await this.#gateway.nodes());
    } catch {
      // The list of before stays; that the broker cannot be reached is told elsewhere, and once.
      return;
    }
    const told = JSON.stringify(nodes);
    if (told === this.#told || !this.#isOn) return;
    this.#nodes = nodes;
    this.#told = told;
    this.#onChange(nodes);
  }
}

/** What the node's worker says that spoke last: all of a node have the same severities. */
function statesOf(nodes: readonly NodeFacts[]): NodeState[] {
  const states = new Map<string, { readonly seenAt: number; readonly state: NodeState }>();
  for (const { name, workers } of nodes) {
    for (const { seenAt, severities } of workers) {
      const known = states.get(name);
      if (known === undefined || known.seenAt < seenAt) states.set(name, { seenAt, state: { name, severities } });
    }
  }
  return [...states.values()].map(({ state }) => state);
}
