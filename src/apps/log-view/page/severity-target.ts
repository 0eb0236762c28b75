import type { NodeState } from '../log-view-protocol.ts';
import { part } from './part.ts';

type State = Readonly<Record<string, boolean>>;

/** As the server takes it: all nodes. */
const everyNode = '*';
const thisNode = '';

/** Which node's severities are shown and switched: this one's, another's, or those of all. Offered where there are several. */
export class SeverityTarget {
  readonly #select = part('severities-node', HTMLSelectElement);
  #nodes: readonly NodeState[] = [];
  #own: State = {};
  #ownName = '';

  constructor(onChange: () => void) {
    this.#select.addEventListener('change', onChange);
  }

  /** As a `severity` message says it; undefined: this node. */
  get node(): string | undefined {
    return this.#select.value === thisNode ? undefined : this.#select.value;
  }

  /** Severity → on, off, or on some of the nodes. */
  get state(): ReadonlyMap<string, boolean | 'mixed'> {
    const states = this.#states();
    const names = Object.keys(this.#own);
    return new Map(names.map((name) => [name, together(states.map((state) => state[name] ?? false))]));
  }

  /** Of the node that holds the connection. */
  showOwn(state: State): void {
    this.#own = state;
  }

  showNodes(nodes: readonly NodeState[], own: string): void {
    this.#nodes = nodes;
    this.#ownName = own;
    const others = nodes.filter(({ name }) => name !== own).map(({ name }) => name);
    const options = [
      [thisNode, `On ${own}`],
      [everyNode, 'On all nodes'],
      ...others.map((name) => [name, `On ${name}`]),
    ];
    const chosen = this.#select.value;
    this.#select.replaceChildren(...options.map(([value, text]) => new Option(text, value, false, value === chosen)));
    // Whoever wanted to switch something on a node that has gone does not mean this one.
    if (this.#select.value !== chosen) this.#select.value = thisNode;
    this.#select.hidden = others.length === 0;
  }

  #states(): readonly State[] {
    const { node } = this;
    if (node === undefined) return [this.#own];
    const others = this.#nodes.filter(({ name }) => name !== this.#ownName);
    if (node === everyNode) return [this.#own, ...others.map(({ severities }) => severities)];
    return others.filter(({ name }) => name === node).map(({ severities }) => severities);
  }
}

function together(states: readonly boolean[]): boolean | 'mixed' {
  const on = states.filter(Boolean).length;
  return on === 0 ? false : on === states.length ? true : 'mixed';
}
