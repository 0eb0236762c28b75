export interface ShortcutActions {
  focusFilter(): void;
  pause(): void;
  end(): void;
  home(): void;
  wrap(): void;
  pretty(): void;
  clear(): void;
  download(): void;
  help(): void;
}

type Actions = Readonly<Record<string, (() => void) | undefined>>;

/** The keys' note at the end of a button's title: "Wrap long lines (w)". */
const keysNote = / \([^()]*\)$/;

/**
 * One key, one action; not while one types, nor with Ctrl, Alt or Meta, which are the browser's. What cannot be taken
 * back asks for Shift too. Keys of a single character can be turned off, for speech input and unsteady hands; the
 * controls then do not name them either.
 */
export class Shortcuts {
  readonly #characters: Actions;
  readonly #others: Actions;
  readonly #named: readonly { readonly element: HTMLElement; readonly keys: string; readonly title: string }[];
  #charactersOn = true;

  constructor(actions: ShortcutActions) {
    this.#characters = {
      '/': actions.focusFilter,
      p: actions.pause,
      ' ': actions.pause,
      w: actions.wrap,
      r: actions.pretty,
      C: actions.clear,
      d: actions.download,
      '?': actions.help,
    };
    this.#others = { End: actions.end, Home: actions.home };
    this.#named = [...document.querySelectorAll<HTMLElement>('[aria-keyshortcuts]')]
      .map((element) => ({ element, keys: element.getAttribute('aria-keyshortcuts') ?? '', title: element.title }))
      .filter(({ keys }) => this.#others[keys] === undefined);
    document.addEventListener('keydown', (event) => this.#pressed(event));
  }

  /** Whether keys of a single character do something. */
  set charactersOn(on: boolean) {
    this.#charactersOn = on;
    document.documentElement.classList.toggle('no-shortcuts', !on);
    for (const { element, keys, title } of this.#named) {
      if (on) element.setAttribute('aria-keyshortcuts', keys);
      else element.removeAttribute('aria-keyshortcuts');
      element.title = on ? title : title.replace(keysNote, '');
    }
  }

  #pressed(event: KeyboardEvent): void {
    if (event.ctrlKey || event.altKey || event.metaKey || event.defaultPrevented || isTyping(event)) return;
    const action = this.#others[event.key] ?? (this.#charactersOn ? this.#characters[keyOf(event)] : undefined);
    if (!action) return;
    event.preventDefault();
    if (!event.repeat) action();
  }
}

/** A letter is a capital with Shift, whether or not Caps Lock is on. */
function keyOf({ key, shiftKey }: KeyboardEvent): string {
  if (key.length !== 1) return key;
  return shiftKey ? key.toUpperCase() : key.toLowerCase();
}

/** A field, a list or a dialog takes all keys; a button only the one that presses it. */
function isTyping(event: KeyboardEvent): boolean {
  const target = event.target instanceof Element ? event.target : undefined;
  if (target?.closest('input, textarea, select, dialog')) return true;
  return event.key === ' ' && Boolean(target?.closest('button, a, summary'));
}
