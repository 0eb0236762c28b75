/**
 * One connection's being in a subscription, from `subscribe` to `unsubscribe`. Calls that come meanwhile share it; it
 * tells what was begun for it from what belongs to a later one.
 */
export interface Joining {
  readonly name: string;
  /** Calls that have neither succeeded nor failed. */
  pending: number;
  /** One of the calls has succeeded: no other that fails takes the connection out again. */
  hasSucceeded: boolean;
  /** The broker was told that the connection is present there. */
  isPresent: boolean;
}

/**
 * The subscriptions of one connection by name. Most connections are in one only, and there are many connections: a
 * map, which takes some 200 bytes when there is next to nothing in it, is made for the second.
 */
export class Joinings {
  #only: Joining | undefined;
  #all: Map<string, Joining> | undefined;

  get(name: string): Joining | undefined {
    return this.#only?.name === name ? this.#only : this.#all?.get(name);
  }

  has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  get size(): number {
    return this.#all?.size ?? (this.#only === undefined ? 0 : 1);
  }

  /** The name must not be there yet. */
  add(joining: Joining): void {
    if (this.#all !== undefined) {
      this.#all.set(joining.name, joining);
    } else if (this.#only === undefined) {
      this.#only = joining;
    } else {
      this.#all = new Map([this.#only, joining].map((each) => [each.name, each]));
      this.#only = undefined;
    }
  }

  /** @returns what was there */
  delete(name: string): Joining | undefined {
    const joining = this.get(name);
    if (this.#only === joining) this.#only = undefined;
    else this.#all?.delete(name);
    return joining;
  }

  values(): Iterable<Joining> {
    return this.#all?.values() ?? (this.#only === undefined ? [] : [this.#only]);
  }
}
