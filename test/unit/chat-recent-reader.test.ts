import { describe, expect, it } from 'vitest';
import { RecentReader } from '../../src/apps/chat/recent-reader.ts';
import type { HistoryQuery, Publication } from '../../src/broker/broker.ts';
import { deferred } from '../support/deferred.ts';

const epoch = 'e';

function publication(offset: number, text = `text ${offset}`): Publication {
  const position = { epoch, offset };
  return { subscription: '/chat', data: Buffer.from(text), kind: 'text', exclude: [], position };
}

/** Reads the newest of these. */
function readerOf(publications: readonly Publication[], queries: HistoryQuery[] = []): RecentReader {
  return new RecentReader((query) => {
    queries.push(query);
    const newestFirst = publications.toReversed().slice(0, query.limit);
    return Promise.resolve({ publications: newestFirst, position: { epoch, offset: publications.length } });
  });
}

async function offsetsOf(reader: RecentReader, upTo: { epoch: string; offset: number }): Promise<number[]> {
  const fields = JSON.parse(`{${String(await reader.read(upTo))}}`) as {
    history: { position: { offset: number } }[];
  };
  return fields.history.map(({ position }) => position.offset);
}

const oneTo = (count: number): Publication[] => Array.from({ length: count }, (_, index) => publication(index + 1));

describe('the last messages of a room', () => {
  it('are the newest fifty, oldest first', async () => {
    const offsets = await offsetsOf(readerOf(oneTo(70)), { epoch, offset: 70 });
    expect(offsets).toEqual(Array.from({ length: 50 }, (_, index) => index + 21));
  });

  it('end where the client is given everything anyway', async () => {
    expect(await offsetsOf(readerOf(oneTo(4)), { epoch, offset: 2 })).toEqual([1, 2]);
    expect(await offsetsOf(readerOf([]), { epoch, offset: 0 })).toEqual([]);
  });

  it('are none when the history was lost meanwhile', async () => {
    expect(await offsetsOf(readerOf(oneTo(4)), { epoch: 'before', offset: 4 })).toEqual([]);
  });

  it('are as many as fit into a message that every client takes', async () => {
    const publications = [1, 2, 3, 4, 5].map((offset) => publication(offset, 'x'.repeat(64 * 1024)));
    expect(await offsetsOf(readerOf(publications), { epoch, offset: 5 })).toEqual([3, 4, 5]);
  });

  it('are read once for all who ask meanwhile', async () => {
    const queries: HistoryQuery[] = [];
    const held = deferred<undefined>();
    const reader = new RecentReader(async (query) => {
      queries.push(query);
      await held.promise;
      return { publications: [publication(1)], position: { epoch, offset: 1 } };
    });
    const first = offsetsOf(reader, { epoch, offset: 1 });
    await new Promise((resolve) => setImmediate(resolve));
    const others = Array.from({ length: 10 }, () => offsetsOf(reader, { epoch, offset: 1 }));
    held.resolve(undefined);
    for (const offsets of await Promise.all([first, ...others])) expect(offsets).toEqual([1]);
    expect(queries).toEqual([
      { limit: 50, reverse: true },
      { limit: 50, reverse: true },
    ]);
  });
});
