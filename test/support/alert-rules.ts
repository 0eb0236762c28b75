import { readFile } from 'node:fs/promises';
import { parse, stringify } from 'yaml';

/** An alert, or a recording rule. */
export interface Rule {
  readonly alert?: string;
  readonly record?: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

interface RuleFile {
  readonly groups: readonly { readonly name: string; readonly rules: readonly Rule[] }[];
}

/** All of deploy/prometheus/rules.yml. */
export async function readRules(): Promise<readonly Rule[]> {
  const text = await readFile(new URL('../../deploy/prometheus/rules.yml', import.meta.url), 'utf8');
  return (parse(text) as RuleFile).groups.flatMap(({ rules }) => rules);
}

/** The same rules where every minute is a second: how long a fault must last, and how far back expressions look. */
export function quicken(rules: string): string {
  const { groups } = parse(rules) as RuleFile;
  return stringify({
    groups: groups.map((group) => ({
      ...group,
      rules: group.rules.map((rule) => ({
        ...rule,
        expr: rule.expr.replaceAll(/(?<=\[|offset )\d+[smh]/g, sixtieth),
        ...(rule.for === undefined ? {} : { for: sixtieth(rule.for) }),
      })),
    })),
  });
}

const seconds: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600 };

function sixtieth(duration: string): string {
  const [, number, unit = ''] = /^(\d+)([smh])$/.exec(duration) ?? [];
  return `${(Number(number) * (seconds[unit] ?? NaN) * 1_000) / 60}ms`;
}

/** Series that an expression selects, each as an expression of its own. */
export function selectorsOf(expression: string): readonly string[] {
  return [...expression.matchAll(/\b(?:carillon[:_][a-z0-9_:]+|up)\b(?:\{(?:[^}"]|"[^"]*")*\})?/g)].map(
    ([selector]) => selector,
  );
}

/**
 * An alert's expression, empty when all is well, as one that tells how it compares: 0 or 1 for each series that is
 * watched. It yields nothing where the sides of an operator do not fit each other.
 */
export function comparing(expression: string): string {
  return expression.replaceAll(/\s(==|>|<)\s(?!bool)/g, ' $1 bool ');
}
