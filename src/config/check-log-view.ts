import type { Explanation } from './explain-issue.ts';
import { isRecord, valueAt } from './path.ts';
import type { Problem } from './problem.ts';

const section = ['apps', 'log-view'];

/** A log reveals internals, so whoever shows one must say to whom. */
export function checkLogView(about: Pick<Explanation, 'value' | 'originOf'>): readonly Problem[] {
  const options = valueAt(about.value, section);
  if (!isRecord(options) || options['auth'] !== undefined || options['public'] === true) return [];
  const urls = options['urls'];
  if (!Array.isArray(urls) || urls.length === 0) return [];
  return [
    {
      origin: about.originOf(section, 'key'),
      path: section,
      found: 'found logs shown to anybody',
      expected: '"auth" (type basic, token or loopback), or "public: true" if everybody may read them',
    },
  ];
}
