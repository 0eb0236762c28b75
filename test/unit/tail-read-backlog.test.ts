import { writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { LogSource } from '../../src/apps/log-view/log-source.ts';
import { readBacklog } from '../../src/apps/log-view/read-backlog.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

describe('a backlog', () => {
  it('is of the same contents in all its parts, also when the file is truncated while it is read', async () => {
    await using folder = await temporaryFolder({ 'a.log': '' });
    const path = folder.file('a.log');
    const source = new LogSource(path);
    let isWriting = true;
    const write = async (): Promise<void> => {
      for (let i = 0; i < 500; i++) await writeFile(path, `${i}\n`.repeat(10 + (i % 7)));
      isWriting = false;
    };
    const writing = write();
    try {
      while (isWriting) {
        const { parts } = await readBacklog(source, 5);
        for (const { lines, head, recent, end } of parts) {
          expect(head.length).toBe(end);
          expect(recent.equals(head)).toBe(true);
          expect(lines).toEqual(head.toString().split('\n').slice(0, -1).slice(-5));
        }
      }
    } finally {
      await writing;
    }
  });
});
