/** Somebody came, went or was renamed, in words. A run of such changes between two messages makes one notice. */
export type PresenceChange =
  | { readonly type: 'join' | 'leave'; readonly id: string; readonly name: string }
  | { readonly type: 'rename'; readonly id: string; readonly name: string; readonly before: string };

/** More names than this in one clause are counted instead. */
const mostNames = 4;

/**
 * Says what a run of changes amounts to: who came and went again within it is said once, and somebody who left and came
 * back under the same name has "reconnected".
 * @returns "" when nothing is left to say
 */
export function describePresence(changes: readonly PresenceChange[]): string {
  const joined = new Map<string, string>();
  const left = new Map<string, string>();
  const passedThrough: string[] = [];
  const renamed = new Map<string, { before: string; name: string }>();
  for (const change of changes) {
    if (change.type === 'join') joined.set(change.id, change.name);
    else if (change.type === 'rename') {
      // Who joined in this run is simply known by the new name.
      if (joined.has(change.id)) joined.set(change.id, change.name);
      else renamed.set(change.id, { before: renamed.get(change.id)?.before ?? change.before, name: change.name });
    } else if (joined.delete(change.id)) passedThrough.push(change.name);
    else left.set(change.id, change.name);
  }
  const returned: string[] = [];
  for (const [id, name] of left) {
    const again = [...joined].find(([, other]) => other === name);
    if (again === undefined) continue;
    returned.push(name);
    left.delete(id);
    joined.delete(again[0]);
  }
  const clauses = [
    ...[...renamed.values()]
      .filter(({ before, name }) => before !== name)
      .map(({ before, name }) => `${before} is now ${name}`),
    clause([...joined.values()], 'joined'),
    clause(returned, 'reconnected'),
    clause(passedThrough, 'came and went'),
    clause([...left.values()], 'left'),
  ];
  return clauses.filter((words) => words !== '').join(' · ');
}

function clause(names: readonly string[], verb: string): string {
  if (names.length === 0) return '';
  if (names.length > mostNames) return `${names.length} people ${verb}`;
  const last = names.at(-1) ?? '';
  const list = names.length === 1 ? last : `${names.slice(0, -1).join(', ')} and ${last}`;
  return `${list} ${verb}`;
}
