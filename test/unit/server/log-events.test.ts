import { readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { logEvents, type EventLevel } from '../../../src/server/log-events.ts';

const src = resolve(import.meta.dirname, '../../../src');

/** How an event is written: by a log, by a debug logger, or by the one that takes messages apart. */
const calls: readonly RegExp[] = [
  /\.(error|warn|info)\(\s*\{\s*event: '([\w-]+)'/g,
  /\.(write)\(\s*'carillon:\w+',\s*\{\s*event: '([\w-]+)'/g,
  /race\.(message)\('([\w-]+)'/g,
];

const levels: Readonly<Record<string, EventLevel>> = { write: 'trace', message: 'trace' };

async function sourceTexts(): Promise<string[]> {
  const files = (await readdir(src, { recursive: true })).filter((file) => file.endsWith('.ts'));
  return await Promise.all(files.map((file) => readFile(join(src, file), 'utf8')));
}

describe('the events of the error log', () => {
  it('are those that the source code writes, with their severities', async () => {
    const texts = await sourceTexts();
    const written = texts.flatMap((text) =>
      calls.flatMap((call) =>
        [...text.matchAll(call)].map(([, how = '', event = '']) => [event, levels[how] ?? how] as const),
      ),
    );
    const listed = Object.entries(logEvents).map(([event, { level }]) => [event, level] as const);
    expect(Object.fromEntries(written)).toEqual(Object.fromEntries(listed));
    // So that none is written in a way that is not seen above.
    const named = texts.flatMap((text) => [...text.matchAll(/\bevent: '([\w-]+)'/g)].map(([, event]) => event));
    expect(named.filter((event) => event === undefined || !Object.hasOwn(logEvents, event))).toEqual([]);
  });

  it('are in docs/logs.md as they are in the list', async () => {
    const docs = await readFile(join(src, '../docs/logs.md'), 'utf8');
    const documented = [...docs.matchAll(/^\| `([\w-]+)` \| (error|warn|info|trace) \| (.+?) \|$/gm)].map(
      ([, event = '', level, meaning]) => [event, { level, meaning }] as const,
    );
    expect(documented.map(([event]) => event)).toEqual(Object.keys(logEvents));
    expect(Object.fromEntries(documented)).toEqual(logEvents);
  });
});
