import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import { LogSource } from '../../src/apps/log-view/log-source.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const files = [
  'a.log',
  'b.log',
  'b.txt',
  '.hidden.log',
  'x/a.log',
  'x/y/a.log',
  'x/y/c.log.1',
  '.git/a.log',
  'a+b.log',
  'a\nb.log',
];

const cases: readonly [glob: string, found: readonly string[]][] = [
  ['a.log', ['a.log']],
  ['*.log', ['a\nb.log', 'a+b.log', 'a.log', 'b.log']],
  ['?.log', ['a.log', 'b.log']],
  ['a+*.log', ['a+b.log']],
  ['.*.log', ['.hidden.log']],
  ['*/a.log', ['x/a.log']],
  ['**/a.log', ['a.log', 'x/a.log', 'x/y/a.log']],
  ['x/**/*.log', ['x/a.log', 'x/y/a.log']],
  ['x/**', ['x/a.log', 'x/y/a.log', 'x/y/c.log.1']],
  ['x/**/y/*', ['x/y/a.log', 'x/y/c.log.1']],
  ['nothing/*.log', []],
  ['a.log/*', []],
  ['***.txt', ['b.txt']],
];

describe('the files of a log', () => {
  it.each(cases)('%j: those that match, and the same that the watcher takes an interest in', async (glob, expected) => {
    await using folder = await temporaryFolder(Object.fromEntries(files.map((file) => [file, ''])));
    const source = new LogSource(folder.file(glob));
    const found = await source.find();
    expect(found.map(({ path }) => path).sort()).toEqual(expected.map((file) => folder.file(file)).sort());
    expect(files.filter((file) => source.matches(folder.file(file))).sort()).toEqual([...expected].sort());
  });

  it('are regular files only, and links to them', async () => {
    await using folder = await temporaryFolder({ 'real/a.log': '' });
    await mkdir(folder.file('d.log'));
    await symlink('real/a.log', folder.file('link.log'));
    await symlink('nowhere', folder.file('dangling.log'));
    expect((await new LogSource(folder.file('*.log')).find()).map(({ label }) => label)).toEqual(['link.log']);
  });

  it('are named without the directory they lie in', async () => {
    await using folder = await temporaryFolder({ 'x/y/a.log': '' });
    const labels = async (glob: string): Promise<string[]> =>
      (await new LogSource(folder.file(glob)).find()).map(({ label }) => label);
    expect(await labels('x/y/a.log')).toEqual(['a.log']);
    expect(await labels('x/*/a.log')).toEqual(['y/a.log']);
  });

  it('are not looked for in circles', async () => {
    await using folder = await temporaryFolder({ 'x/a.log': '' });
    await symlink('..', folder.file('x/up'));
    expect((await new LogSource(folder.file('**/*.log')).find()).map(({ label }) => label)).toEqual(['x/a.log']);
  });

  it('are not more than can be followed', async () => {
    await using folder = await temporaryFolder();
    for (let i = 0; i < 300; i++) {
      const path = folder.file(`logs/${i}.log`);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, '');
    }
    expect(await new LogSource(folder.file('logs/*.log')).find()).toHaveLength(256);
  });
});
