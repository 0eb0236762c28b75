import { readdir, readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';

const lua = new URL('../../src/broker/redis/lua/', import.meta.url);

describe('docs/clustering.md', () => {
  it('gives the user for Redis every command that a script uses', async () => {
    const docs = await readFile(new URL('../../docs/clustering.md', import.meta.url), 'utf8');
    const [line = ''] = /^ACL SETUSER .*$/m.exec(docs) ?? [];
    const given = new Set([...line.matchAll(/ \+(\S+)/g)].map(([, command]) => command));
    const files = (await readdir(lua, { recursive: true })).filter((file) => file.endsWith('.lua'));
    const sources = await Promise.all(files.map((file) => readFile(new URL(file, lua), 'utf8')));
    const used = sources.flatMap((source) =>
      [...source.matchAll(/redis\.p?call\('([A-Z]+)'/g)].map(([, command = '']) => command.toLowerCase()),
    );
    expect(used.length).toBeGreaterThan(10);
    expect(new Set(used.filter((command) => !given.has(command)))).toEqual(new Set());
  });
});
