import { formatPath, isRecord, valueAt, type ConfigPath } from './path.ts';
import type { Problem } from './problem.ts';
import { appUrlPattern } from './app-url.ts';
import type { Explanation } from './explain-issue.ts';
import { describeFound } from './secrets.ts';

/** What an app serves besides its URL itself. */
const derived: readonly (readonly [suffix: string, what: string])[] = [
  ['/connect', 'socket'],
  ['/page.js', 'script'],
  ['/page.css', 'style sheet'],
];

/** Finds paths that two URLs would answer, whether as themselves or as what an app serves below them. */
export function checkUrls(about: Pick<Explanation, 'value' | 'originOf'>): readonly Problem[] {
  /** Path on the server → the URL that takes it, in words. */
  const taken = new Map<string, string>();
  const problems: Problem[] = [];
  for (const { path, url } of validUrls(about.value)) {
    const below = derived.map(([suffix, what]) => ({ what, target: `${url === '/' ? '' : url}${suffix}` }));
    const holder = taken.get(url);
    const clash = below.find(({ target }) => taken.has(target));
    if (holder === undefined && clash === undefined) {
      taken.set(url, `the URL of ${formatPath(path)}`);
      for (const { what, target } of below) taken.set(target, `the ${what} of ${formatPath(path)} (${url})`);
      continue;
    }
    const fault = holder ?? `its ${clash?.what} ${clash?.target} is ${taken.get(clash?.target ?? '')}`;
    const found = `${describeFound(about.value, path)}, ${holder === undefined ? 'but ' : 'which is '}${fault}`;
    problems.push({ origin: about.originOf(path), path, found, expected: 'a URL of its own' });
  }
  return problems;
}

function* validUrls(value: unknown): Iterable<{ path: ConfigPath; url: string }> {
  const apps = valueAt(value, ['apps']);
  if (!isRecord(apps)) return;
  for (const app of Object.keys(apps)) {
    const urls = valueAt(apps, [app, 'urls']);
    if (!Array.isArray(urls)) continue;
    for (const [index, url] of urls.entries()) {
      if (typeof url === 'string' && appUrlPattern.test(url)) yield { path: ['apps', app, 'urls', index], url };
    }
  }
}
