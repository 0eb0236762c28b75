import { appendFile, copyFile, mkdir, open, rename, rm, symlink, truncate, unlink, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { LogSource } from '../../src/apps/log-view/log-source.ts';
import { follow } from '../support/follow-files.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { until } from '../support/until.ts';

describe('following a log', () => {
  it('gives what is appended, once, and a line only when its line end has come', async () => {
    await using folder = await temporaryFolder({ 'a.log': 'one\n' });
    await using followed = follow(folder.file('a.log'));
    await until(() => followed.lines.length === 1);
    await appendFile(folder.file('a.log'), 'two\nthr');
    await until(() => followed.lines.length === 2);
    await appendFile(folder.file('a.log'), 'ee\n\n');
    await until(() => followed.lines.length === 4);
    expect(followed.lines).toEqual(['one', 'two', 'three', '']);
  });

  it('says from which to which byte its lines reach, without a hole', async () => {
    await using folder = await temporaryFolder({ 'a.log': 'one\ntwö\r\n' });
    await using followed = follow(folder.file('a.log'));
    await until(() => followed.lines.length === 2);
    await appendFile(folder.file('a.log'), 'three\n');
    await until(() => followed.lines.length === 3);
    expect(followed.batches[0]).toMatchObject({ file: 'a.log', era: 1, start: 0, end: 10, lengths: [4, 6] });
    expect(followed.batches[1]).toMatchObject({ start: 10, end: 16 });
    expect(followed.batches[1]).not.toHaveProperty('lengths');
  });

  it('waits for a file, and for its directory, that does not exist yet', async () => {
    await using folder = await temporaryFolder();
    await using followed = follow(folder.file('later/a.log'));
    await mkdir(folder.file('later'));
    await writeFile(folder.file('later/a.log'), 'one\n');
    await until(() => followed.lines.length === 1);
    expect(followed.warnings).toEqual([]);
  });

  it('reads the old file to its end after a rotation by rename, also what a writer adds before it reopens', async () => {
    await using folder = await temporaryFolder({ 'a.log': 'one\n' });
    await using followed = follow(folder.file('a.log'), [], { refreshMs: 200 });
    await until(() => followed.lines.length === 1);
    const writer = await open(folder.file('a.log'), 'a');
    await writer.write('two\n');
    await rename(folder.file('a.log'), folder.file('a.log.1'));
    await writeFile(folder.file('a.log'), 'five\n');
    await until(() => followed.positions.length === 2, { what: 'the new file was opened' });
    await writer.write('three\nfour');
    await writer.close();
    await until(() => followed.lines.length === 5);
    expect(followed.lines).toEqual(['one', 'two', 'three', 'four', 'five']);
  });

  it('takes a line that never ended for a line when its file was rotated away', async () => {
    await using folder = await temporaryFolder({ 'a.log': 'one\nend' });
    await using followed = follow(folder.file('a.log'));
    await until(() => followed.lines.length === 1);
    await rename(folder.file('a.log'), folder.file('a.log.1'));
    await writeFile(folder.file('a.log'), 'new\n');
    await until(() => followed.lines.length === 3);
    expect(followed.lines).toEqual(['one', 'end', 'new']);
  });

  it('goes through several rotations in a row', async () => {
    await using folder = await temporaryFolder({ 'a.log': '0\n' });
    await using followed = follow(folder.file('a.log'));
    await until(() => followed.lines.length === 1);
    for (let i = 1; i <= 5; i++) {
      await rename(folder.file('a.log'), folder.file(`a.log.${i}`));
      await writeFile(folder.file('a.log'), `${i}\n`);
      await until(() => followed.positions.length === i + 1, { what: 'the new file was opened' });
    }
    await until(() => followed.lines.length === 6);
    expect(followed.lines).toEqual(['0', '1', '2', '3', '4', '5']);
  });

  it('begins anew when the file is truncated, in a new era', async () => {
    await using folder = await temporaryFolder({ 'a.log': 'one\ntwo\n' });
    await using followed = follow(folder.file('a.log'));
    await until(() => followed.lines.length === 2);
    await truncate(folder.file('a.log'));
    await appendFile(folder.file('a.log'), 'three\n');
    await until(() => followed.lines.length === 3);
    expect(followed.batches.at(-1)).toMatchObject({ era: 2, start: 0, end: 6, lines: ['three'] });
  });

  it('notices a truncation when the file has grown past the old place again', async () => {
    await using folder = await temporaryFolder({ 'a.log': 'one\ntwo\n' });
    await using followed = follow(folder.file('a.log'));
    await until(() => followed.lines.length === 2);
    await writeFile(folder.file('a.log'), 'three\nfour\nfive\n');
    await until(() => followed.lines.length === 5);
    expect(followed.lines.slice(2)).toEqual(['three', 'four', 'five']);
  });

  it('survives a rotation by copy and truncate', async () => {
    await using folder = await temporaryFolder({ 'a.log': 'one\n' });
    await using followed = follow(folder.file('a.log'));
    const writer = await open(folder.file('a.log'), 'a');
    await writer.write('two\nthr');
    await until(() => followed.lines.length === 2);
    await copyFile(folder.file('a.log'), folder.file('a.log.1'));
    await truncate(folder.file('a.log'));
    await writer.write('four\n');
    await writer.close();
    await until(() => followed.lines.length === 4);
    expect(followed.lines).toEqual(['one', 'two', 'thr', 'four']);
  });

  it('goes on when another file is renamed over it', async () => {
    await using folder = await temporaryFolder({ 'a.log': 'one\n', new: 'two\n' });
    await using followed = follow(folder.file('a.log'));
    await until(() => followed.lines.length === 1);
    await rename(folder.file('new'), folder.file('a.log'));
    await until(() => followed.lines.length === 2);
    await appendFile(folder.file('a.log'), 'three\n');
    await until(() => followed.lines.length === 3);
    expect(followed.lines).toEqual(['one', 'two', 'three']);
  });

  it('goes on when the file is deleted and made again', async () => {
    await using folder = await temporaryFolder({ 'a.log': 'one\n' });
    await using followed = follow(folder.file('a.log'));
    await until(() => followed.lines.length === 1);
    await unlink(folder.file('a.log'));
    await writeFile(folder.file('a.log'), 'two\n');
    await until(() => followed.lines.length === 2);
    expect(followed.lines).toEqual(['one', 'two']);
  });

  it('goes on when the directory is deleted and made again', async () => {
    await using folder = await temporaryFolder({ 'd/a.log': 'one\n' });
    await using followed = follow(folder.file('d/a.log'));
    await until(() => followed.lines.length === 1);
    await rm(folder.file('d'), { recursive: true });
    await mkdir(folder.file('d'));
    await writeFile(folder.file('d/a.log'), 'two\n');
    await until(() => followed.lines.length === 2);
    expect(followed.lines).toEqual(['one', 'two']);
  });

  it('follows a link to where it points now, and repeats nothing when it is switched back', async () => {
    await using folder = await temporaryFolder({ first: '1\n', second: '2\n' });
    const point = async (target: string): Promise<void> => {
      await symlink(target, folder.file('link'));
      await rename(folder.file('link'), folder.file('a.log'));
    };
    await point('first');
    await using followed = follow(folder.file('a.log'));
    await until(() => followed.lines.length === 1);
    await point('second');
    await until(() => followed.lines.length === 2);
    await point('first');
    await appendFile(folder.file('first'), '3\n');
    await until(() => followed.lines.length === 3);
    expect(followed.lines).toEqual(['1', '2', '3']);
  });

  it('follows all files of a glob, and does not repeat one that is renamed within it', async () => {
    await using folder = await temporaryFolder({ 'a.log': 'a1\n', 'b.log': 'b1\n' });
    await using followed = follow(folder.file('*.log*'));
    await until(() => followed.lines.length === 2);
    await rename(folder.file('a.log'), folder.file('a.log.1'));
    await writeFile(folder.file('a.log'), 'a2\n');
    await writeFile(folder.file('c.log'), 'c1\n');
    await until(() => followed.lines.length === 4);
    await appendFile(folder.file('b.log'), 'b2\n');
    await until(() => followed.lines.length === 5);
    expect([...followed.lines].sort()).toEqual(['a1', 'a2', 'b1', 'b2', 'c1']);
    expect(followed.lines.indexOf('a2')).toBeGreaterThan(followed.lines.indexOf('a1'));
  });

  it('publishes no more than fits a batch, and reads no more while a batch is not accepted', async () => {
    await using folder = await temporaryFolder({ 'a.log': 'x\n'.repeat(2_500) });
    let accept: (() => void) | undefined;
    const seen: number[] = [];
    await using followed = follow(folder.file('a.log'), [], {
      publish: async ({ lines }, signal) => {
        seen.push(lines.length);
        await new Promise<void>((resolve, reject) => {
          accept = resolve;
          signal.addEventListener('abort', () => reject(new Error('stopped')));
        });
      },
    });
    await until(() => seen.length === 1);
    expect(seen).toEqual([1_000]);
    accept?.();
    await until(() => seen.length === 2);
    expect(followed.positions[0]).toMatchObject({ offset: 2_000 });
  });

  it('goes on from saved positions: what was appended meanwhile, also to a file that was renamed meanwhile', async () => {
    await using folder = await temporaryFolder({ 'a.log': 'one\npart' });
    const first = follow(folder.file('a.log'));
    await until(() => first.lines.length === 1);
    const positions = await first.stop();
    await appendFile(folder.file('a.log'), 'ial\nthree\n');
    await rename(folder.file('a.log'), folder.file('a.log.1'));
    await writeFile(folder.file('a.log'), 'four\n');
    await using second = follow(folder.file('a.log'), positions);
    await until(() => second.lines.length === 3);
    expect(second.lines).toEqual(['partial', 'three', 'four']);
  });

  it('goes on from saved positions when the file was truncated meanwhile', async () => {
    await using folder = await temporaryFolder({ 'a.log': 'one\ntwo\n' });
    const first = follow(folder.file('a.log'));
    await until(() => first.lines.length === 2);
    const positions = await first.stop();
    await writeFile(folder.file('a.log'), 'three, longer than both\n');
    await using second = follow(folder.file('a.log'), positions);
    await until(() => second.lines.length === 1);
    expect(second.batches[0]).toMatchObject({ era: 2, start: 0, lines: ['three, longer than both'] });
  });

  it('waits for no file that was rotated away before it came and that nobody has written to since', async () => {
    await using folder = await temporaryFolder({ 'a.log': '0\n' });
    const first = follow(folder.file('a.log'));
    await until(() => first.lines.length === 1);
    for (let i = 1; i <= 4; i++) {
      await rename(folder.file('a.log'), folder.file(`a.log.${i}`));
      await writeFile(folder.file('a.log'), `${i}\n`);
      await until(() => first.lines.length === i + 1);
    }
    const positions = await first.stop();
    expect(positions).toHaveLength(5);
    await appendFile(folder.file('a.log'), 'next\n');
    // With this refresh, one file would wait five seconds for another.
    await using second = follow(folder.file('a.log'), positions, { refreshMs: 5_000 });
    await until(() => second.lines.length === 1, { deadlineMs: 4_000 });
  });

  it('does not search the directories of a glob when a file that it knows grows', async () => {
    await using folder = await temporaryFolder({ 'a.log': '' });
    class CountingSource extends LogSource {
      searches = 0;
      override find(): ReturnType<LogSource['find']> {
        this.searches++;
        return super.find();
      }
    }
    const source = new CountingSource(folder.file('*.log'));
    await using followed = follow(source);
    const appends = 20;
    for (let i = 1; i <= appends; i++) {
      await appendFile(folder.file('a.log'), `${i}\n`);
      await until(() => followed.lines.length === i);
    }
    expect(source.searches).toBeLessThan(appends / 2);
    await writeFile(folder.file('b.log'), 'new\n');
    await until(() => followed.lines.at(-1) === 'new');
  });

  it('shows a line of 10 MB cut, and what comes after it', async () => {
    await using folder = await temporaryFolder({ 'a.log': '' });
    await using followed = follow(folder.file('a.log'));
    await appendFile(folder.file('a.log'), `${'x'.repeat(10_000_000)}\nnext\n`);
    await until(() => followed.lines.length === 2);
    expect(followed.lines[0]).toMatch(/^x{65536} … \[9934464 bytes cut\]$/);
    expect(followed.lines[1]).toBe('next');
  });

  it('waits while there is a directory in the place of the file', async () => {
    await using folder = await temporaryFolder({ 'a.log/inner': '' });
    await using followed = follow(folder.file('a.log'));
    await rm(folder.file('a.log'), { recursive: true });
    await writeFile(folder.file('a.log'), 'one\n');
    await until(() => followed.lines.length === 1);
  });
});
