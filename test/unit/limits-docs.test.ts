import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { settings } from '../../src/config/settings.ts';
import { limitNames } from '../../src/metrics/counts.ts';

describe('docs/limits.md', () => {
  it('has every setting of accept and limits, and every label of the metric', async () => {
    const docs = await readFile(new URL('../../docs/limits.md', import.meta.url), 'utf8');
    const names = settings()
      .map(({ path }) => path.join('.'))
      .filter((name) => /^(?:accept|limits)\./.test(name));
    expect(names.length).toBeGreaterThan(10);
    for (const name of names)
      expect(docs).toContain(name === 'accept.perUser.excess' ? 'excess:' : name.split('.').at(-1));
    for (const limit of limitNames) expect(docs).toContain(`limit="${limit}"`);
  });
});
