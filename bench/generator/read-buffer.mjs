// One buffer into which all sockets of this process read (`net.connect({onread})`), with room in front of it: what one
// read leaves over of a frame is kept by its connection and put before the next read's bytes, so that nothing is
// concatenated.

/** Where in `whole` the sockets read to; as many bytes may be left over of a frame. */
export const readStart = 256 * 1024;

export const whole = Buffer.allocUnsafeSlow(2 * readStart);

/** What the sockets are given. */
export const readBuffer = whole.subarray(readStart);

/** The bytes that one connection has not looked at yet. */
export class Rest {
  #bytes = undefined;
  #length = 0;

  /** @returns where to begin in `whole`: the rest is in front of what was just read */
  restore() {
    if (this.#length === 0) return readStart;
    const start = readStart - this.#length;
    this.#bytes.copy(whole, start, 0, this.#length);
    this.#length = 0;
    return start;
  }

  keep(from, to) {
    const length = to - from;
    if (length === 0) return;
    if (length > readStart) throw new Error(`a frame of more than ${readStart} bytes`);
    if (this.#bytes === undefined || this.#bytes.length < length) this.#bytes = Buffer.allocUnsafeSlow(length + 256);
    whole.copy(this.#bytes, 0, from, to);
    this.#length = length;
  }
}
