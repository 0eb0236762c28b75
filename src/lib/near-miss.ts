/**
 * The candidate that `word` was most likely meant to be, or undefined when none is close. Case, `-` and `_` do not
 * count, so that `message_bytes` finds `messageBytes`.
 */
export function nearMiss(word: string, candidates: Iterable<string>): string | undefined {
  if (word.length > 100) return undefined;
  const plainWord = plain(word);
  let best: string | undefined;
  let bestDistance = Infinity;
  for (const candidate of candidates) {
    const plainCandidate = plain(candidate);
    // A third of the letters may be wrong; more than three never look like a slip.
    const farthest = Math.min(3, Math.floor(Math.max(plainWord.length, plainCandidate.length) / 3));
    if (Math.abs(plainWord.length - plainCandidate.length) > farthest) continue;
    const distance = editDistance(plainWord, plainCandidate);
    if (distance <= farthest && distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

function plain(word: string): string {
  return word.toLowerCase().replaceAll(/[-_]/g, '');
}

/** Optimal string alignment distance: insertions, deletions, substitutions, and swaps of two neighbours. */
export function editDistance(left: string, right: string): number {
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let row = 1; row <= left.length; row++) {
    const current = [row];
    for (let column = 1; column <= right.length; column++) {
      const same = left[row - 1] === right[column - 1];
      let distance = Math.min(
        (previous[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (previous[column - 1] ?? 0) + (same ? 0 : 1),
      );
      const swapped = left[row - 1] === right[column - 2] && left[row - 2] === right[column - 1];
      if (row > 1 && column > 1 && swapped) distance = Math.min(distance, (beforePrevious[column - 2] ?? 0) + 1);
      current.push(distance);
    }
    beforePrevious = previous;
    previous = current;
  }
  return previous[right.length] ?? 0;
}
