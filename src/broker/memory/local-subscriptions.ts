/** The value of a name whose subscription has been confirmed; while it is under way the value is its ticket. */
const confirmed = 0;

/**
 * What one broker is subscribed to, seen from its own side: unsubscribing takes effect at the call, subscribing when
 * the exchange or the switch has got to it. What was under way for an earlier subscription of the same name is
 * thereby told from what belongs to the present one.
 */
export class LocalSubscriptions {
  readonly #names = new Map<string, number>();
  #tickets = confirmed;

  /** Notes that these names are being subscribed to; the ticket goes into `confirm`. */
  request(names: readonly string[]): number {
    const ticket = ++this.#tickets;
    for (const name of names) {
      // An earlier request that still stands is answered first, so it keeps its ticket.
      if (!this.#names.has(name)) this.#names.set(name, ticket);
    }
    return ticket;
  }

  /** From here on `has` answers true, for those names that were not dropped since the request. */
  confirm(names: readonly string[], ticket: number): void {
    for (const name of names) {
      if (this.#names.get(name) === ticket) this.#names.set(name, confirmed);
    }
  }

  drop(names: readonly string[]): void {
    for (const name of names) this.#names.delete(name);
  }

  /** Whether what arrives now for this name is to be handed over. */
  has(name: string): boolean {
    return this.#names.get(name) === confirmed;
  }

  clear(): void {
    this.#names.clear();
  }
}
