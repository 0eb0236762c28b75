import type { ConfigFile } from './config-file.ts';
import type { Override } from './environment.ts';
import { valueAt, type ConfigPath } from './path.ts';
import type { Origin } from './problem.ts';

/** Knows where each value of a configuration came from. */
export class Provenance {
  readonly #file: ConfigFile | undefined;
  readonly #overrides: readonly Override[];
  readonly #demo: unknown;

  /** @param sources overrides in rising order of precedence; `demo` where it stands in for the file */
  constructor(sources: { file: ConfigFile | undefined; overrides: readonly Override[]; demo: unknown }) {
    this.#file = sources.file;
    this.#overrides = sources.overrides;
    this.#demo = sources.demo;
  }

  /** Who set exactly this value. */
  originOf(path: ConfigPath): Origin {
    return this.#setter(path, 'value') ?? { kind: 'default' };
  }

  /** Who is to look at a problem with this value, which may be missing: its setter, else that of what surrounds it. */
  nearestTo(path: ConfigPath, at: 'key' | 'value' = 'value'): Origin {
    for (let length = path.length; length > 0; length--) {
      const part = path.slice(0, length);
      const setter = this.#setter(part, length === path.length ? at : 'key') ?? this.#setterWithin(part);
      if (setter !== undefined) return setter;
    }
    return this.#file?.originOf([]) ?? { kind: 'default' };
  }

  #setter(path: ConfigPath, at: 'key' | 'value'): Origin | undefined {
    const override = this.#overrides.findLast((candidate) => isSame(candidate.path, path));
    if (override !== undefined) return override.origin;
    const demo: Origin | undefined = valueAt(this.#demo, path) === undefined ? undefined : { kind: 'demo' };
    return this.#file?.originOf(path, at) ?? demo;
  }

  /** A section that only overrides speak of is theirs. */
  #setterWithin(section: ConfigPath): Origin | undefined {
    return this.#overrides.findLast(({ path }) => isSame(path.slice(0, section.length), section))?.origin;
  }
}

function isSame(left: ConfigPath, right: ConfigPath): boolean {
  return left.length === right.length && left.every((segment, index) => segment === right[index]);
}
