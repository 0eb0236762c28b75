/** One of them, all equally likely. @param random 0 (inclusive) to 1 */
export function pick<T>(choices: readonly T[], random: () => number): T {
  const choice = choices[Math.floor(random() * choices.length)];
  if (choice === undefined) throw new Error('there is nothing to pick from');
  return choice;
}
