// A histogram of microseconds: 128 buckets per power of two, so that a quantile is at most 0.8 % off. Nothing is
// allocated per value, and histograms of several processes add up.

const perOctave = 128;
const octaves = 32;

export class Latencies {
  #counts = new Uint32Array(perOctave * octaves);
  #max = 0;

  add(microseconds) {
    const value = microseconds < 0 ? 0 : microseconds;
    if (value > this.#max) this.#max = value;
    this.#counts[bucketOf(value)]++;
  }

  /** What goes over a process boundary: pairs of bucket and count. */
  toJSON() {
    const buckets = [];
    for (const [bucket, count] of this.#counts.entries()) if (count > 0) buckets.push(bucket, count);
    return { buckets, max: this.#max };
  }

  merge({ buckets, max }) {
    for (let i = 0; i < buckets.length; i += 2) this.#counts[buckets[i]] += buckets[i + 1];
    this.#max = Math.max(this.#max, max);
  }

  /** @returns microseconds, or null where nothing was counted */
  quantile(share) {
    const total = this.#counts.reduce((sum, count) => sum + count, 0);
    if (total === 0) return null;
    let left = Math.ceil(total * share);
    for (const [bucket, count] of this.#counts.entries()) {
      left -= count;
      if (left <= 0) return Math.min(lowerBound(bucket), this.#max);
    }
    return this.#max;
  }

  get max() {
    return this.#max;
  }
}

function bucketOf(value) {
  if (value < perOctave) return value;
  const octave = 31 - Math.clz32(value) - 6;
  return Math.min(octave * perOctave + ((value >>> (octave - 1)) - perOctave), perOctave * octaves - 1);
}

function lowerBound(bucket) {
  if (bucket < perOctave) return bucket;
  const octave = Math.floor(bucket / perOctave);
  return ((bucket % perOctave) + perOctave) * 2 ** (octave - 1);
}
