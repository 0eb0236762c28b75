import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadPage, placePage } from '../../src/http/load-page.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

describe('a page', () => {
  it('is what the directory holds of the types that are served', async () => {
    await using folder = await temporaryFolder();
    await writeFile(join(folder.path, 'index.html'), '<p>{{base}}</p>');
    await writeFile(join(folder.path, 'page.js'), 'start();');
    await writeFile(join(folder.path, 'page.js.map'), '{}');
    await writeFile(join(folder.path, '.secret'), 'x');
    await mkdir(join(folder.path, 'folder.css'));
    const page = await loadPage(folder.path);
    expect([...page.keys()].toSorted()).toEqual(['index.html', 'page.js']);
    expect(page.get('page.js')).toMatchObject({
      body: Buffer.from('start();'),
      contentType: 'text/javascript; charset=utf-8',
    });
  });

  it('needs an index.html', async () => {
    await using folder = await temporaryFolder();
    await expect(loadPage(folder.path)).rejects.toThrow('has no index.html');
  });

  it('knows its URL, escaped, and has a tag of its own at each', async () => {
    await using folder = await temporaryFolder();
    await writeFile(join(folder.path, 'index.html'), '<a href="{{base}}/x">{{base}}</a>');
    await writeFile(join(folder.path, 'page.css'), '{{base}}');
    const page = await loadPage(folder.path);
    const placed = placePage(page, `/a"<&'$&`);
    expect(placed.get('index.html')?.body.toString()).toBe(
      '<a href="/a&quot;&lt;&amp;&#39;$&amp;/x">/a&quot;&lt;&amp;&#39;$&amp;</a>',
    );
    expect(placed.get('page.css')).toBe(page.get('page.css'));
    expect(placed.get('index.html')?.etag).toMatch(/^"[\w-]{22}"$/);
    expect(placed.get('index.html')?.etag).not.toBe(placePage(page, '/b').get('index.html')?.etag);
  });
});
