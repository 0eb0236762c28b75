import type { Explanation } from './explain-issue.ts';
import { formatPath, isRecord, valueAt } from './path.ts';
import type { Problem } from './problem.ts';
import { describeFound } from './secrets.ts';

/** Finds rules that say nothing, and those whose pattern another rule has: only the first of them would hold. */
export function checkSubscriptions(about: Pick<Explanation, 'value' | 'originOf'>): readonly Problem[] {
  const rules = valueAt(about.value, ['subscriptions']);
  if (!Array.isArray(rules)) return [];
  const problems: Problem[] = [];
  const holders = new Map<string, string>();
  for (const [index, rule] of rules.entries()) {
    if (!isRecord(rule) || typeof rule['pattern'] !== 'string') continue;
    const path = ['subscriptions', index, 'pattern'];
    const problem = (fault: string, expected: string): Problem => {
      const found = `${describeFound(about.value, path)}, ${fault}`;
      return { origin: about.originOf(path), path, found, expected };
    };
    if (Object.keys(rule).length === 1) {
      problems.push(problem('of which nothing is said', 'history, presence or slowConsumer as well'));
    }
    // A row of stars matches what one does.
    const pattern = rule['pattern'].replaceAll(/\*+/g, '*');
    const holder = holders.get(pattern);
    if (holder === undefined) holders.set(pattern, formatPath(path));
    else problems.push(problem(`which is also ${holder}`, 'a pattern of its own'));
  }
  return problems;
}
