import { publishedNode } from './log-feed.ts';
import { part } from './part.ts';

const allNodes = '';

/** The two lists at the top: which log, and of which node. */
export class SubjectChoice {
  readonly #log = part('log', HTMLSelectElement);
  readonly #node = part('node', HTMLSelectElement);
  /** Nodes that are in the cluster or have been, and those that lines came from. */
  readonly #seen = new Set<string>();
  /** Those that are in it now; undefined where the server does not say. */
  #present: ReadonlySet<string> | undefined;
  #chosenNode: string | undefined;

  constructor(node: string | undefined, onLog: (log: string) => void, onNode: (node: string | undefined) => void) {
    this.#log.addEventListener('change', () => onLog(this.#log.value));
    this.#node.addEventListener('change', () => {
      this.#chosenNode = this.#node.value === allNodes ? undefined : this.#node.value;
      onNode(this.#chosenNode);
    });
    this.#chosenNode = node;
    this.#drawNodes();
  }

  get node(): string | undefined {
    return this.#chosenNode;
  }

  showLogs(names: readonly string[], chosen: string | undefined): void {
    this.#log.replaceChildren(...names.map((name) => new Option(name, name, false, name === chosen)));
    this.#log.disabled = names.length === 0;
  }

  chooseLog(name: string): void {
    this.#log.value = name;
  }

  /** Lines of this node came. */
  sawNode(node: string): void {
    if (this.#seen.has(node)) return;
    this.#seen.add(node);
    this.#drawNodes();
  }

  /** These are the nodes of the cluster. */
  showNodes(names: readonly string[]): void {
    this.#present = new Set(names);
    for (const name of names) this.#seen.add(name);
    this.#drawNodes();
  }

  /** A node that a shared link names can be chosen before a line of it came; one that has gone as long as its lines are there. */
  #drawNodes(): void {
    const names = new Set([...this.#seen, ...(this.#chosenNode === undefined ? [] : [this.#chosenNode])]);
    const options = [...names]
      .sort()
      .map((name) => new Option(this.#label(name), name, false, name === this.#chosenNode));
    this.#node.replaceChildren(new Option('All nodes', allNodes, false, this.#chosenNode === undefined), ...options);
  }

  #label(name: string): string {
    return this.#present?.has(name) === false && name !== publishedNode ? `${name} (gone)` : name;
  }
}
