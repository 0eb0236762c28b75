import { describe, expect, test } from 'vitest';
import { workerExecArgv } from '../../../src/server/worker-exec-argv.ts';

describe('the options of a worker process', () => {
  test('are those of the primary, and a size for new objects', () => {
    expect(workerExecArgv(['--cpu-prof'])).toEqual(['--cpu-prof', '--max-semi-space-size=8']);
    expect(workerExecArgv([], '--max-old-space-size=512')).toEqual(['--max-semi-space-size=8']);
  });

  test.each(['--max-semi-space-size=32', '--max_semi_space_size=2', '--min-semi-space-size=16'])(
    'leave the size to who has chosen one: %s',
    (option) => {
      expect(workerExecArgv([option])).toEqual([option]);
      expect(workerExecArgv(['--cpu-prof'], `--no-warnings ${option}`)).toEqual(['--cpu-prof']);
    },
  );
});
