import type { Publication } from '../../broker/broker.ts';
import type { Encoding } from '../encoding.ts';
import type { Frame } from './frame.ts';

/** How long frames are kept for who comes next, in milliseconds. Some brokers' publications live as long as their history. */
const keptMs = 5_000;

interface Recalled {
  readonly encoding: Encoding;
  /** undefined: connections of this encoding are not sent anything. */
  readonly frame: Frame | undefined;
}

/**
 * Frames of publications that were read from history. Clients come back in storms and have missed the same: each
 * publication is encoded once for all of them.
 */
export class RecalledFrames {
  readonly #encode: (encoding: Encoding, publication: Publication) => Frame | undefined;
  #frames: WeakMap<Publication, Recalled> | undefined;

  constructor(encode: (encoding: Encoding, publication: Publication) => Frame | undefined) {
    this.#encode = encode;
  }

  /** @returns undefined: connections of this encoding are not sent anything */
  get(encoding: Encoding, publication: Publication): Frame | undefined {
    this.#frames ??= this.#open();
    const known = this.#frames.get(publication);
    if (known?.encoding === encoding) return known.frame;
    const frame = this.#encode(encoding, publication);
    this.#frames.set(publication, { encoding, frame });
    return frame;
  }

  #open(): WeakMap<Publication, Recalled> {
    setTimeout(() => (this.#frames = undefined), keptMs).unref();
    return new WeakMap();
  }
}
