import type { LinesMessage } from '../../src/apps/log-view/log-view-protocol.ts';

/** Lines that can be told apart and put in order. */
export const numbered = (count: number, from = 0, prefix = 'line'): string[] =>
  Array.from({ length: count }, (_, i) => `${prefix} ${String(from + i).padStart(6, '0')}`);

/** What the server sends when lines were appended. */
export const live = (lines: readonly string[], node = 'a', file = 'app.log'): LinesMessage => ({
  type: 'lines',
  log: 'app',
  node,
  file,
  lines,
});
