import { describe, expect, test } from 'vitest';
import { startIdleServer } from '../support/start-idle-server.ts';

// What a connection keeps of the JavaScript heap, counted after a garbage collection: no figure of the system's, and no
// time. docs/process-model.md says what it comes to in resident memory.

/** Enough for tables that grow by doubling not to matter. */
const connections = 4_000;

async function bytesPerConnection(kind: 'ws' | 'echo' | 'chat'): Promise<number> {
  await using server = await startIdleServer(kind);
  // What the first connections load and have compiled belongs to none of the others.
  await server.open(2_000);
  const before = await server.report();
  await server.open(connections);
  const after = await server.report();
  return (after.heapBytes - before.heapBytes) / connections;
}

describe('idle connections', () => {
  test('take hardly more of the heap than those of the bare ws library', { timeout: 120_000 }, async () => {
    const bare = await bytesPerConnection('ws');
    const echo = await bytesPerConnection('echo');
    const chat = await bytesPerConnection('chat');

    // 1.25 and 1.41 when this was written; one map per connection more is 0.07, a table of listeners 0.1.
    expect(echo).toBeLessThan(1.32 * bare);
    expect(chat).toBeLessThan(1.48 * bare);
  });

  test.each(['echo', 'chat'] as const)('keep nothing of their requests (%s)', { timeout: 60_000 }, async (kind) => {
    await using server = await startIdleServer(kind);
    await server.open(300);

    const { requestsKept } = await server.report();

    // Node's parser may hold the last one.
    expect(requestsKept).toBeLessThanOrEqual(1);
  });
});
