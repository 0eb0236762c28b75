/**
 * V8 lets new objects gather in two halves of this size before it looks at them, 16 MiB by default: memory that stays
 * for as long as connections come. docs/process-model.md has the measurements behind the choice.
 */
const semiSpaceMiB = 8;

const semiSpaceOption = /--(?:max|min)[-_]semi[-_]space[-_]size\b/;

/**
 * What Node and V8 are told for a worker process.
 * @param execArgv of this process; workers get it as well
 * @param nodeOptions the environment's NODE_OPTIONS. Who chose a size there or on the command line has chosen
 */
export function workerExecArgv(execArgv: readonly string[], nodeOptions: string = ''): readonly string[] {
  const isChosen = [...execArgv, nodeOptions].some((options) => semiSpaceOption.test(options));
  return isChosen ? execArgv : [...execArgv, `--max-semi-space-size=${semiSpaceMiB}`];
}
