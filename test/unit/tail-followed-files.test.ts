import { appendFile, rename, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { FollowedFiles, type LogPosition } from '../../src/apps/log-view/followed-files.ts';
import { LogSource } from '../../src/apps/log-view/log-source.ts';
import { markBytes } from '../../src/apps/log-view/file-position.ts';
import { chunkBytes, type FileBatch } from '../../src/apps/log-view/tail-file.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** Follows the files of a pattern for one look; with `leaves`, those that are gone are left. */
async function lookOnce(pattern: string, resumeFrom: LogPosition, leaves = false): Promise<[FileBatch[], LogPosition]> {
  const files = new FollowedFiles({ source: new LogSource(pattern), resumeFrom, complain: () => {} });
  const batches: FileBatch[] = [];
  const publish = async (batch: FileBatch): Promise<void> => void batches.push(batch);
  await files.look(true);
  for (const file of files.all) {
    await file.tail.advance(Buffer.alloc(markBytes + chunkBytes), publish);
    await file.tail.finish(publish);
    if (leaves) await files.leave(file);
  }
  await files.close();
  return [batches, files.position];
}

const nowhere: LogPosition = { era: 1, files: [], left: [] };

describe('files that are followed no longer', () => {
  it('get a later era when their id comes back with other contents, after a change of worker too', async () => {
    await using folder = await temporaryFolder({ 'a.log': 'first life\n' });
    const [first, left] = await lookOnce(folder.file('a.log'), nowhere, true);
    expect(left).toMatchObject({ files: [], left: [{ era: 1, offset: 11 }] });
    // The same id, as after a file system gave it to another file.
    await writeFile(folder.file('a.log'), 'another\n');
    const [second] = await lookOnce(folder.file('a.log'), left);
    expect(second[0]).toMatchObject({ id: first[0]?.id, era: 2, start: 0, lines: ['another'] });
  });

  it('go on where they were left when they come back', async () => {
    await using folder = await temporaryFolder({ 'a.log': 'one\n' });
    const [, left] = await lookOnce(folder.file('a.log'), nowhere, true);
    await appendFile(folder.file('a.log'), 'two\n');
    const [again] = await lookOnce(folder.file('a.log'), left);
    expect(again).toMatchObject([{ era: 1, start: 4, lines: ['two'] }]);
  });

  it('are remembered when they were deleted while a worker was replaced', async () => {
    await using folder = await temporaryFolder({ 'a.log': 'one\n', 'other/b.log': 'two\n' });
    const [[gone], position] = await lookOnce(folder.file('a.log'), nowhere);
    await rename(folder.file('a.log'), folder.file('other/a.log'));
    await rename(folder.file('other/b.log'), folder.file('a.log'));
    const [, next] = await lookOnce(folder.file('a.log'), position);
    expect(next.left).toMatchObject([{ id: gone?.id, era: 1, offset: 4 }]);
  });

  it('raise the era of new files when there are too many to remember', async () => {
    await using folder = await temporaryFolder({ 'a.log': 'one\n' });
    const others = Array.from({ length: 256 }, (_, i) => ({ id: `x:${i}`, era: 7, offset: 0, mark: '' }));
    const [, position] = await lookOnce(folder.file('a.log'), { ...nowhere, left: others }, true);
    expect(position.left).toHaveLength(256);
    expect(position.era).toBe(8);
  });
});
