/** What the page remembers: how lines look, on this device; what is looked at, in the address that can be shared. */

/** Kept in the browser's storage. */
export interface Settings {
  readonly wrap: boolean;
  /** JSON lines as time, level, message and the rest, instead of raw. */
  readonly pretty: boolean;
  /** Keys of a single character do something (WCAG 2.1.4 asks for a way to turn them off). */
  readonly shortcuts: boolean;
}

/** Kept in the address. Undefined log: the server's choice; undefined node: all nodes. */
export interface Subject {
  readonly log: string | undefined;
  readonly node: string | undefined;
  readonly filter: string;
  readonly regularExpression: boolean;
  readonly matchCase: boolean;
  readonly invert: boolean;
}

const defaults: Settings = { wrap: false, pretty: true, shortcuts: true };
const storageKey = 'carillon.log-view';

/** @param storage may be refused by the browser: then every visit begins with the defaults */
export function readSettings(storage: () => Pick<Storage, 'getItem'>): Settings {
  try {
    const stored: unknown = JSON.parse(storage().getItem(storageKey) ?? '{}');
    const has = (name: keyof Settings): boolean => {
      const value =
        typeof stored === 'object' && stored !== null
          ? Object.entries(stored).find(([key]) => key === name)?.[1]
          : undefined;
      return typeof value === 'boolean' ? value : defaults[name];
    };
    return { wrap: has('wrap'), pretty: has('pretty'), shortcuts: has('shortcuts') };
  } catch {
    return defaults;
  }
}

export function writeSettings(storage: () => Pick<Storage, 'setItem'>, settings: Settings): void {
  try {
    storage().setItem(storageKey, JSON.stringify(settings));
  } catch {
    // Private windows and full disks: the setting then lasts as long as the page.
  }
}

export function readSubject(query: URLSearchParams): Subject {
  return {
    log: query.get('log') ?? undefined,
    node: query.get('node') ?? undefined,
    filter: query.get('filter') ?? '',
    regularExpression: query.has('regex'),
    matchCase: query.has('case'),
    invert: query.has('invert'),
  };
}

/** Other parameters, such as a token, stay as they are. */
export function writeSubject(query: URLSearchParams, subject: Subject): URLSearchParams {
  const next = new URLSearchParams(query);
  const put = (name: string, value: string | undefined): void => {
    if (value === undefined || value === '') next.delete(name);
    else next.set(name, value);
  };
  put('log', subject.log);
  put('node', subject.node);
  put('filter', subject.filter);
  put('regex', subject.regularExpression ? '1' : undefined);
  put('case', subject.matchCase ? '1' : undefined);
  put('invert', subject.invert ? '1' : undefined);
  return next;
}
