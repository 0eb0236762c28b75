import type { Line } from './line-ring.ts';
import type { LineView } from './line-view.ts';

/** Gives the reader a text file, made here: nothing goes to the server. */
export function download(name: string, pieces: Iterable<string>): void {
  const url = URL.createObjectURL(new Blob([...pieces], { type: 'text/plain;charset=utf-8' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  // The browser has begun to read it by then; without this the text would stay in memory as long as the page.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** `access-2026-01-31T12-00-00Z.log`, with nothing in it that file systems mind. */
export function downloadName(log: string, at: Date): string {
  const time = at.toISOString().replace(/\.\d+/, '').replaceAll(':', '-');
  return `${log.replace(/[^\p{L}\p{N}._-]+/gu, '-')}-${time}.log`;
}

/** What is shown as a text file, line by line. @param origin where a line is from, where that is said */
export function* downloadPieces(
  view: LineView,
  origin: (line: Line) => string | undefined,
  shownText: (line: Line) => string,
): Generator<string, void, undefined> {
  for (let position = view.first; position < view.end; position++) {
    const line = view.lineAt(position);
    if (!line) continue;
    const from = origin(line);
    yield `${from === undefined ? '' : `${from}: `}${line.notice ? `--- ${line.text}` : shownText(line)}\n`;
  }
}
