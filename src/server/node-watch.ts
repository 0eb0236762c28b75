import type { NodeFacts, NodeIdentity } from '../gateway/cluster/node-facts.ts';
import { quote } from '../lib/quote.ts';
import type { Log } from '../lib/log.ts';

const readEveryMs = 5_000;

export interface NodeWatchParts {
  readonly identity: NodeIdentity;
  readonly nodes: () => Promise<readonly NodeFacts[]>;
  /** Called with each listing that could be read. */
  readonly read: (nodes: readonly NodeFacts[]) => void;
  readonly log: Log;
}

/**
 * Reads the list of nodes every few seconds, on one worker of the node: for the operations port, and to find another
 * node with the same name.
 */
export class NodeWatch {
  readonly #parts: NodeWatchParts;
  readonly #timer: NodeJS.Timeout;
  readonly #warned = new Set<string>();
  /** Instance → when it was last seen, of nodes with this one's name. */
  #namesakes = new Map<string, number>();
  #isReading = false;
  #isClosed = false;

  constructor(parts: NodeWatchParts) {
    this.#parts = parts;
    this.#timer = setInterval(() => void this.read(), readEveryMs);
    this.#timer.unref();
  }

  /** Never rejects: that the broker is unavailable is told elsewhere. */
  async read(): Promise<void> {
    if (this.#isReading) return;
    this.#isReading = true;
    try {
      const nodes = await this.#parts.nodes();
      if (this.#isClosed) return;
      this.#parts.read(nodes);
      this.#lookForNamesakes(nodes);
    } catch {
      // The next one.
    } finally {
      this.#isReading = false;
    }
  }

  close(): void {
    this.#isClosed = true;
    clearInterval(this.#timer);
  }

  /** One that says nothing more is this node's predecessor, which was killed: it vanishes by itself. */
  #lookForNamesakes(nodes: readonly NodeFacts[]): void {
    const { name, instance } = this.#parts.identity;
    const namesakes = nodes.filter((node) => node.name === name && node.instance !== instance);
    for (const namesake of namesakes) {
      const before = this.#namesakes.get(namesake.instance);
      if (before !== undefined && namesake.seenAt > before) this.#warn(namesake);
    }
    this.#namesakes = new Map(namesakes.map((node) => [node.instance, node.seenAt]));
  }

  #warn({ name, instance, host, operations, workers }: NodeFacts): void {
    if (this.#warned.has(instance)) return;
    this.#warned.add(instance);
    const pids = workers.map(({ pid }) => pid);
    this.#parts.log.warn(
      { event: 'node-name-taken', name, host, operations, pids },
      `another node is called ${quote(name)} too, on ${quote(host)}: names must be unique in a cluster (configuration: node)`,
    );
  }
}
