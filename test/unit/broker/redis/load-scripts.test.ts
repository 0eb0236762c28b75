import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { loadScripts, makeScript } from '../../../../src/broker/redis/load-scripts.ts';

const folder = new URL('../../../../src/broker/redis/lua/', import.meta.url);
const nothing = (): string => '';

describe('the scripts', () => {
  it('are all the files of the folder', async () => {
    const files = (await readdir(folder)).filter((file) => file.endsWith('.lua'));
    const scripts = Object.values(loadScripts());
    expect(scripts.map(({ name }) => `${name}.lua`).toSorted()).toEqual(files.toSorted());
  });

  it('say what they are for, their KEYS, their ARGV and what they return', async () => {
    for (const { name, source, sha, keys } of Object.values(loadScripts())) {
      const text = await readFile(new URL(`${name}.lua`, folder), 'utf8');
      const header = text.slice(0, text.search(/^(?!#!lua|--)/m));
      expect(header, name).toMatch(/^#!lua[^\n]*\n-- [A-Z][^]*\n-- KEYS\[1\] [^]*\n-- ARGV\[1\] [^]*\n-- Returns /);
      expect(sha).toBe(createHash('sha1').update(source).digest('hex'));
      expect(keys).toBe([...header.matchAll(/KEYS\[\d+\]/g)].length);
      expect(source).not.toMatch(/^-- include/m);
      // Redis takes each argument that the header names, and no other.
      const used = [...source.matchAll(/\bARGV\[(\d+)\]/g)].map(([, number]) => Number(number));
      const named = [...header.matchAll(/ARGV\[(\d+)\]/g)].length;
      expect(Math.max(...used), name).toBeLessThanOrEqual(named);
    }
  });

  it('take in what they share', () => {
    const { source } = makeScript(
      'a',
      '#!lua\n-- KEYS[1] one\n\n-- include shared\nreturn KEYS[1]\n',
      (name) => `-- ${name}`,
    );
    expect(source).toBe('#!lua\n-- KEYS[1] one\n\n-- include/shared\nreturn KEYS[1]\n');
  });

  it('are refused where the header does not name their keys', () => {
    expect(() => makeScript('a', 'return 1', nothing)).toThrow('a.lua does not begin with #!lua');
    expect(() => makeScript('a', '#!lua\n-- KEYS[1] one\nreturn KEYS[2]', nothing)).toThrow(
      'a.lua uses KEYS[2], which its header does not name',
    );
    expect(() => makeScript('a', '#!lua\n-- KEYS[2] two\nreturn 1', nothing)).toThrow(
      'a.lua names KEYS[2] where KEYS[1] is due',
    );
  });
});
