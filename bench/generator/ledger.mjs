// Who has received what: per receiver and publisher the last sequence number. Sequences begin at 0 after every receiver
// has demonstrably received, so that anything that is missing was lost, from the very first message on.

export class Ledger {
  #last;
  #publishersPerRoom;
  lost = 0;
  duplicated = 0;
  reordered = 0;

  constructor(receivers, publishersPerRoom) {
    this.#publishersPerRoom = publishersPerRoom;
    this.#last = new Int32Array(receivers * publishersPerRoom).fill(-1);
  }

  /** @param slot which of its room's publishers */
  received(receiver, slot, sequence) {
    const at = receiver * this.#publishersPerRoom + slot;
    const gap = sequence - this.#last[at];
    if (gap === 1) {
      this.#last[at] = sequence;
    } else if (gap > 1) {
      this.lost += gap - 1;
      this.#last[at] = sequence;
    } else if (gap === 0) {
      this.duplicated++;
    } else {
      // It was counted as lost when its successor came, and stays so: lost or late, the run has failed.
      this.reordered++;
    }
  }

  /** What this receiver still has to get of a publisher that has published so many; then it has them. */
  giveUp(receiver, slot, published) {
    const at = receiver * this.#publishersPerRoom + slot;
    const missing = Math.max(0, published - 1 - this.#last[at]);
    this.lost += missing;
    this.#last[at] += missing;
  }

  get tally() {
    return { lost: this.lost, duplicated: this.duplicated, reordered: this.reordered };
  }
}
