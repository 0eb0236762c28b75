import { appendFile, mkdir, rename, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { LogSource } from '../../src/apps/log-view/log-source.ts';
import { SourceWatch } from '../../src/apps/log-view/watch-source.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { until } from '../support/until.ts';

/** The directory's other entries: with many, it is watched in another way. */
const others = (count: number): Record<string, string> =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`d/other ${i}`, '']));

describe.each([0, 150])('events of a log in a directory of %i other files', (count) => {
  it('say whether names changed or only contents, and nothing of other files', async () => {
    await using folder = await temporaryFolder({ ...others(count), 'd/a.log': '' });
    const events: boolean[] = [];
    const failures: unknown[] = [];
    const watch = new SourceWatch(
      new LogSource(folder.file('d/*.log')),
      (namesChanged) => events.push(namesChanged),
      (error) => failures.push(error),
    );
    try {
      await watch.refresh();
      // It is not said when watching has begun.
      await until(async () => {
        await appendFile(folder.file('d/a.log'), 'x');
        return events.includes(false);
      });
      expect(events).not.toContain(true);
      await appendFile(folder.file('d/other'), 'x');
      await writeFile(folder.file('d/b.log'), '');
      await until(() => events.includes(true));
      // Another directory in its place.
      await rename(folder.file('d'), folder.file('e'));
      await mkdir(folder.file('d'));
      await watch.refresh();
      events.length = 0;
      await until(async () => {
        await appendFile(folder.file('d/a.log'), 'x');
        return events.length > 0;
      });
      expect(failures).toEqual([]);
    } finally {
      await watch.close();
    }
  });
});
