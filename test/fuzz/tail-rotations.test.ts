import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SavedPosition } from '../../src/apps/log-view/followed-files.ts';
import { follow, type Followed } from '../support/follow-files.ts';
import { LogWriter } from '../support/log-writer.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { until } from '../support/until.ts';

type Step =
  | { readonly do: 'append'; readonly bytes: Buffer }
  | { readonly do: 'rotate'; readonly bytes: Buffer; readonly isLate: boolean }
  | { readonly do: 'replace'; readonly bytes: Buffer }
  | { readonly do: 'copy-truncate' | 'recreate' | 'switch' | 'hand over' | 'pause' };

// Characters of one to four bytes, cut anywhere: what is written is bytes, not text.
const text = fc
  .array(fc.constantFrom('a', 'b', 'ü', '€', '😀', '\r', '\0', '\n', '\n'), { maxLength: 40 })
  .map((parts) => parts.join(''));
const bytes = fc.tuple(text, fc.nat(200)).map(([content, cut]) => {
  const whole = Buffer.from(content);
  return whole.subarray(0, Math.max(0, whole.length - (cut % 4)));
});

const appends = bytes.map((content): Step => ({ do: 'append', bytes: content }));
const common = [
  { arbitrary: appends, weight: 8 },
  { arbitrary: bytes.map((content): Step => ({ do: 'replace', bytes: content })), weight: 1 },
  { arbitrary: fc.constantFrom<Step>({ do: 'copy-truncate' }, { do: 'recreate' }, { do: 'hand over' }), weight: 3 },
  { arbitrary: fc.constant<Step>({ do: 'pause' }), weight: 2 },
] as const;
const rotations = fc
  .tuple(bytes, fc.boolean())
  .map(([content, isLate]): Step => ({ do: 'rotate', bytes: content, isLate }));
const fileSteps = fc.array(fc.oneof(...common, { arbitrary: rotations, weight: 2 }), { minLength: 5, maxLength: 30 });
const linkSteps = fc.array(
  fc.oneof(
    { arbitrary: appends, weight: 4 },
    { arbitrary: fc.constantFrom<Step>({ do: 'switch' }, { do: 'hand over' }, { do: 'pause' }), weight: 2 },
  ),
  {
    minLength: 5,
    maxLength: 30,
  },
);

async function play(steps: readonly Step[], linked: boolean): Promise<void> {
  await using folder = await temporaryFolder();
  const writer = new LogWriter(folder.file('a.log'), linked);
  const lines: string[] = [];
  const collect = async ({ lines: more }: { readonly lines: readonly string[] }): Promise<void> =>
    void lines.push(...more);
  let given: readonly SavedPosition[] = [];
  let followed: Followed = follow(writer.path, given, { refreshMs: 5, publish: collect });
  try {
    // What is made and gone again before a follower could open it is lost to any. A position that it was given is not
    // of a file that it has opened.
    const opened = (): Promise<unknown> =>
      until(() => followed.positions.some((position) => position.id === writer.fileId && !given.includes(position)), {
        what: 'the file was opened',
        everyMs: 2,
      });
    await opened();
    for (const [i, step] of steps.entries()) {
      // What comes after a truncation differs from what was there before, as it does with any log that has timestamps.
      const unique = (bytes: Buffer): Buffer => Buffer.concat([Buffer.from(`${i}:`), bytes]);
      switch (step.do) {
        case 'append':
          writer.append(unique(step.bytes));
          break;
        case 'rotate':
          writer.rotate(unique(step.bytes), step.isLate);
          break;
        case 'replace':
          writer.replace(unique(step.bytes));
          break;
        case 'recreate':
          writer.deleteAndRecreate();
          break;
        case 'switch':
          writer.switchLink();
          break;
        case 'copy-truncate':
          // What was not read when the file is truncated is gone, whoever follows it.
          writer.endLine();
          await until(() => lines.length >= writer.written.length, { what: 'everything was read' });
          writer.copyTruncate();
          break;
        case 'hand over':
          given = await followed.stop();
          followed = follow(writer.path, given, { refreshMs: 5, publish: collect });
          break;
        case 'pause':
          for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
          break;
      }
      await opened();
    }
    writer.endLine();
    await until(() => lines.length >= writer.written.length, { what: 'all lines came' }).catch(() => {});
    // One more, to see whether anything came twice after the last.
    writer.append(Buffer.from('the end\n'));
    await until(() => lines.at(-1) === 'the end', { what: 'the last line came' }).catch(() => {});
    expect(lines).toEqual(writer.written);
  } finally {
    await followed.stop();
    writer.close();
  }
}

describe('whatever is done to a log', () => {
  it(
    'each line is given once and in order, through all kinds of rotation and hand-over',
    { timeout: 120_000 },
    async () => {
      await fc.assert(
        fc.asyncProperty(fileSteps, (steps) => play(steps, false)),
        { numRuns: 40, interruptAfterTimeLimit: 40_000 },
      );
    },
  );

  it('each line is given once and in order, through switches of a link', { timeout: 120_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(linkSteps, (steps) => play(steps, true)),
      { numRuns: 20, interruptAfterTimeLimit: 20_000 },
    );
  });
});
