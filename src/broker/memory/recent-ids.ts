import { idempotencyMs, type Position } from '../broker.ts';

export interface RecentIdsOptions {
  /** Most ids. Default 250,000. */
  readonly ids: number;
  /** Most bytes, estimated. Default 64 MiB. */
  readonly idBytes: number;
}

interface Remembered {
  readonly position: Position | undefined;
  readonly bytes: number;
  readonly forgetMs: number;
}

/** What an id takes beside its characters and those of its subscription's name, about. */
const overheadBytes = 200;

/** The ids of publications of the last minutes. Above either bound the oldest are forgotten before their time. */
export class RecentIds {
  readonly #maxIds: number;
  readonly #maxBytes: number;
  /** By subscription and id, oldest first. */
  readonly #ids = new Map<string, Remembered>();
  #bytes = 0;

  constructor({ ids = 250_000, idBytes = 64 * 1024 * 1024 }: Partial<RecentIdsOptions> = {}) {
    this.#maxIds = ids;
    this.#maxBytes = idBytes;
  }

  get size(): number {
    return this.#ids.size;
  }

  /** What was added, with the position that publication got; undefined: nothing that is remembered. */
  find(name: string, id: string, nowMs: number): { readonly position: Position | undefined } | undefined {
    const remembered = this.#ids.get(keyOf(name, id));
    return remembered !== undefined && remembered.forgetMs > nowMs ? remembered : undefined;
  }

  add(name: string, id: string, position: Position | undefined, nowMs: number): void {
    const key = keyOf(name, id);
    const bytes = overheadBytes + 2 * key.length;
    this.#forget(key);
    this.#ids.set(key, { position, bytes, forgetMs: nowMs + idempotencyMs });
    this.#bytes += bytes;
    this.expire(nowMs);
    while (this.#ids.size > this.#maxIds || this.#bytes > this.#maxBytes) this.#forgetOldest();
  }

  /** Forgets those whose time is up. */
  expire(nowMs: number): void {
    for (const [key, { forgetMs }] of this.#ids) {
      if (forgetMs > nowMs) return;
      this.#forget(key);
    }
  }

  #forgetOldest(): void {
    for (const key of this.#ids.keys()) {
      this.#forget(key);
      return;
    }
  }

  #forget(key: string): void {
    const remembered = this.#ids.get(key);
    if (remembered === undefined) return;
    this.#ids.delete(key);
    this.#bytes -= remembered.bytes;
  }
}

/** The length before the name keeps "a" and "b:c" apart from "a:b" and "c". */
function keyOf(name: string, id: string): string {
  return `${name.length}:${name}${id}`;
}
