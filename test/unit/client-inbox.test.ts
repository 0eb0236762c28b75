import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Message } from '../../src/client/client-options.ts';
import { Inbox } from '../../src/client/inbox.ts';

describe('the inbox of a client', () => {
  it('hands messages over in the order of their arrival, whether they or the takers come first', async () => {
    const steps = fc.array(
      fc.oneof(
        fc.string(),
        fc.uint8Array(),
        fc.constant('take' as const).map(() => null),
      ),
    );
    await fc.assert(
      fc.asyncProperty(steps, async (script) => {
        const inbox = new Inbox();
        const taken: Promise<Message | undefined>[] = [];
        for (const step of script) {
          if (step === null) taken.push(inbox.take());
          else inbox.push(step);
        }
        inbox.end();
        const pushed = script.filter((step) => step !== null);
        while (taken.length < pushed.length) taken.push(inbox.take());
        const expected = [...pushed, ...Array<undefined>(taken.length - pushed.length).fill(undefined)];
        expect(await Promise.all(taken)).toEqual(expected);
        expect(inbox.bytes).toBe(0);
      }),
    );
  });

  it('counts what waits, and 64 bytes for each message on top', () => {
    const inbox = new Inbox();
    inbox.push('four');
    inbox.push(new Uint8Array(10));
    inbox.push('');
    expect(inbox.bytes).toBe(4 + 10 + 3 * 64);
    void inbox.take();
    expect(inbox.bytes).toBe(10 + 2 * 64);
  });

  it('counts nothing for a message that somebody waits for', async () => {
    const inbox = new Inbox();
    const message = inbox.take();
    inbox.push('at once');
    expect(inbox.bytes).toBe(0);
    expect(await message).toBe('at once');
  });
});
