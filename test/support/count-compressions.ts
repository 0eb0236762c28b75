import { syncBuiltinESMExports } from 'node:module';
import zlib, { type ZlibOptions } from 'node:zlib';

export interface Compressions extends Disposable {
  /** Of each message that this process has compressed in one step, in order: its window size. */
  readonly windowBits: readonly (number | undefined)[];
}

/** Counts what is compressed by `deflateRawSync`, which does what it always does. */
export function countCompressions(): Compressions {
  const windowBits: (number | undefined)[] = [];
  const { deflateRawSync } = zlib;
  zlib.deflateRawSync = (data, options?: ZlibOptions) => {
    windowBits.push(options?.windowBits);
    return deflateRawSync(data, options);
  };
  syncBuiltinESMExports();
  return {
    windowBits,
    [Symbol.dispose]() {
      zlib.deflateRawSync = deflateRawSync;
      syncBuiltinESMExports();
    },
  };
}
