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

/** One key, one action; not while one types, nor with Ctrl, Alt or Meta, which are the browser's. */
export function listenForShortcuts(actions: ShortcutActions): void {
  const byKey: Readonly<Record<string, (() => void) | undefined>> = {
    '/': actions.focusFilter,
    p: actions.pause,
    ' ': actions.pause,
    End: actions.end,
    Home: actions.home,
    w: actions.wrap,
    r: actions.pretty,
    c: actions.clear,
    d: actions.download,
    '?': actions.help,
  };
  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.defaultPrevented || isTyping(event)) return;
    const action = byKey[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!action) return;
    event.preventDefault();
    if (!event.repeat) action();
  });
}

/** A field, a list or a dialog takes all keys; a button only the one that presses it. */
function isTyping(event: KeyboardEvent): boolean {
  const target = event.target instanceof Element ? event.target : undefined;
  if (target?.closest('input, textarea, select, dialog')) return true;
  return event.key === ' ' && Boolean(target?.closest('button, a, summary'));
}
