// Bundles the apps' pages for browsers: src/apps/<app>/page/ → dist/pages/<app>/{index.html,page.css,page.js}.
import { access, cp, mkdir, readdir } from 'node:fs/promises';
import { build } from 'esbuild';

const apps = new URL('../src/apps/', import.meta.url);
const pages = new URL('../dist/pages/', import.meta.url);

for (const entry of await readdir(apps, { withFileTypes: true })) {
  const source = new URL(`${entry.name}/page/`, apps);
  const hasPage =
    entry.isDirectory() &&
    (await access(new URL('main.ts', source)).then(
      () => true,
      () => false,
    ));
  if (!hasPage) continue;
  const target = new URL(`${entry.name}/`, pages);
  await mkdir(target, { recursive: true });
  for (const [from, to] of [
    ['main.ts', 'page.js'],
    ['page.css', 'page.css'],
  ]) {
    await build({
      entryPoints: [new URL(from, source).pathname],
      outfile: new URL(to, target).pathname,
      bundle: true,
      format: 'esm',
      target: 'es2022',
      minify: true,
      logLevel: 'warning',
    });
  }
  await cp(new URL('index.html', source), new URL('index.html', target));
}
