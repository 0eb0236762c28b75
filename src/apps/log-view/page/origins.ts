import type { Line } from './line-ring.ts';

/** Whether lines say where they are from: which node, which file. Only where lines of several are shown together. */
export class Origins {
  readonly #nodes = new Set<string>();
  readonly #files = new Set<string>();
  /** Whether lines of all nodes are shown. */
  #ofAllNodes: boolean;

  constructor(ofAllNodes: boolean) {
    this.#ofAllNodes = ofAllNodes;
  }

  set ofAllNodes(ofAllNodes: boolean) {
    this.#ofAllNodes = ofAllNodes;
  }

  /** @returns whether lines may look different from now on */
  saw(node: string, file: string): boolean {
    const before = this.#nodes.size + this.#files.size;
    this.#nodes.add(node);
    this.#files.add(file);
    return this.#nodes.size + this.#files.size > before;
  }

  of({ node, file, notice }: Line): string | undefined {
    const parts = [...(this.#saysNode ? [node] : []), ...(this.#saysFile ? [file] : [])];
    return notice || parts.length === 0 ? undefined : parts.join(' ');
  }

  /** Room for the longest, in characters; 0 when nothing is said. */
  get widthCh(): number {
    return (this.#saysNode ? longest(this.#nodes) + 1 : 0) + (this.#saysFile ? longest(this.#files) + 1 : 0);
  }

  /** Another log: other files; nodes stay what they are. */
  restart(): void {
    this.#files.clear();
  }

  get #saysNode(): boolean {
    return this.#ofAllNodes && this.#nodes.size > 1;
  }

  get #saysFile(): boolean {
    return this.#files.size > 1;
  }
}

function longest(names: ReadonlySet<string>): number {
  return Math.max(0, ...[...names].map((name) => name.length));
}
