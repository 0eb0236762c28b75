import type { Explanation } from './explain-issue.ts';
import { isRecord, valueAt } from './path.ts';
import type { Problem } from './problem.ts';
import { describeFound } from './secrets.ts';

const path = ['accept', 'perUser', 'connections'];

/** Who is told by no app who its clients are cannot count them by user: the cap would be there and never hold. */
export function checkAccept(about: Pick<Explanation, 'value' | 'originOf'>): readonly Problem[] {
  const most = valueAt(about.value, path);
  if (typeof most !== 'number' || most <= 0) return [];
  const apps = valueAt(about.value, ['apps']);
  if (isRecord(apps) && Object.values(apps).some(knowsUsers)) return [];
  return [
    {
      origin: about.originOf(path),
      path,
      found: `${describeFound(about.value, path)}, and no app that knows its users`,
      expected: 'an app with urls and "auth" of type basic or token, or 0',
    },
  ];
}

function knowsUsers(app: unknown): boolean {
  if (!isRecord(app)) return false;
  const { urls, auth } = app;
  if (!Array.isArray(urls) || urls.length === 0 || !isRecord(auth)) return false;
  return auth['type'] === 'basic' || auth['type'] === 'token';
}
