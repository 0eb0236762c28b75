const nobody: ReadonlySet<never> = new Set<never>();

/** Which peers are subscribed to which names. */
export class SubscriptionTable<Peer> {
  readonly #peers = new Map<string, Set<Peer>>();

  /** How many names have a subscriber. */
  get size(): number {
    return this.#peers.size;
  }

  of(name: string): ReadonlySet<Peer> {
    return this.#peers.get(name) ?? nobody;
  }

  add(name: string, peer: Peer): void {
    const peers = this.#peers.get(name);
    if (peers === undefined) this.#peers.set(name, new Set([peer]));
    else peers.add(peer);
  }

  remove(name: string, peer: Peer): void {
    const peers = this.#peers.get(name);
    if (peers?.delete(peer) === true && peers.size === 0) this.#peers.delete(name);
  }

  /** Removes the peer everywhere. Walks all names: peers go rarely, and then once. */
  removePeer(peer: Peer): void {
    for (const name of this.#peers.keys()) this.remove(name, peer);
  }
}
