import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import type { PageFile, PageFiles } from './page-files.ts';

/** Only these are served; whatever else lies in the directory stays there. */
const contentTypes: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
};

/**
 * Reads a page's files into memory. Subdirectories are not read.
 * @throws Error when the directory cannot be read or has no index.html
 */
export async function loadPage(directory: string): Promise<PageFiles> {
  const files = new Map<string, PageFile>();
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    const contentType = contentTypes[extname(entry.name)];
    if (contentType === undefined || entry.isDirectory()) continue;
    files.set(entry.name, pageFile(await readFile(join(directory, entry.name)), contentType));
  }
  if (!files.has('index.html')) throw new Error(`the page in ${directory} has no index.html`);
  return files;
}

/** The page as it is served at one URL: in `index.html`, `{{base}}` has become that URL, escaped for HTML. */
export function placePage(page: PageFiles, base: string): PageFiles {
  const index = page.get('index.html');
  if (index === undefined) return page;
  const body = Buffer.from(index.body.toString().replaceAll('{{base}}', () => escapeHtml(base)));
  return new Map([...page, ['index.html', pageFile(body, index.contentType)]]);
}

function pageFile(body: Buffer, contentType: string): PageFile {
  const hash = createHash('sha256').update(body).digest('base64url').slice(0, 22);
  return { body, contentType, etag: `"${hash}"` };
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => entities[character] ?? '');
}
