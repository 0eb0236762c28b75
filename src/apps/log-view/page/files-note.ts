import type { LogFile } from '../log-view-protocol.ts';

/** What is to be said of a log's files when nothing comes of them; empty when all is well. */
export function filesNote(files: readonly LogFile[]): string {
  if (files.length === 0) return 'No file belongs to it yet.';
  const named = (state: LogFile['state']): string =>
    files
      .filter((file) => file.state === state)
      .map(({ file }) => file)
      .join(', ');
  const missing = named('missing');
  const unreadable = named('unreadable');
  return [
    missing === '' ? '' : `Not there yet: ${missing}.`,
    unreadable === '' ? '' : `The server may not read ${unreadable}.`,
  ]
    .filter(Boolean)
    .join(' ');
}
