import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = resolve(import.meta.dirname, '../..');
const page = await readFile(resolve(root, 'docs/security.md'), 'utf8');

/** Rows of the tables whose last column is "test": what it says in that column. */
const claims = page
  .split('\n## ')
  .filter((section) => /^\|.*\| test \|$/m.test(section))
  .flatMap((section) => [...section.matchAll(/^\|.*\| (.+?) \|$/gm)].map(([, test = '']) => test))
  .filter((test) => test !== 'test' && !test.startsWith('---'));

/** `integration/origin.test.ts` “is by default the host it connects to” */
const references = [...page.matchAll(/`([\w/.-]+\.ts)` “([^”]+(?:”[^”|;]*)*?)”(?= \||;)/g)];

describe('the threat model in docs/security.md', () => {
  it('names a test in every row, or says that there is none', () => {
    expect(claims.length).toBeGreaterThan(30);
    for (const claim of claims) expect(claim).toMatch(/^(?:not tested|`[\w/.-]+\.ts` “.+”)$/);
  });

  it('names tests that there are', async () => {
    expect(references.length).toBeGreaterThanOrEqual(claims.filter((claim) => claim !== 'not tested').length);
    for (const [, file = '', title = ''] of references) {
      const text = await readFile(resolve(root, 'test', file), 'utf8');
      expect(text.replaceAll("\\'", "'"), `${file}: ${title}`).toContain(title);
    }
  });
});
