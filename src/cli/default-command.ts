/** Commander's own default command would take a misspelt command for its argument. */
export function withDefaultCommand(args: readonly string[]): readonly string[] {
  const [first] = args;
  const isAboutProgram = first !== undefined && ['-h', '--help', '-v', '--version'].includes(first);
  return first === undefined || (first.startsWith('-') && !isAboutProgram) ? ['serve', ...args] : args;
}
