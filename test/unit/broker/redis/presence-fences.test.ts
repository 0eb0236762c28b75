import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PresenceEvent, PresencePage } from '../../../../src/broker/broker.ts';
import { PresenceFences } from '../../../../src/broker/redis/presence-fences.ts';

const room = 'room';
const page: PresencePage = { members: [{ connectionId: 'p' }] };

function rig(deadlineMs = 60_000): {
  fences: PresenceFences;
  seen: string[];
  follow: (p: Promise<PresencePage>) => Promise<void>;
} {
  const seen: string[] = [];
  let tokens = 0;
  const fences = new PresenceFences(
    ({ member }) => seen.push(member.connectionId),
    () => `token ${++tokens}`,
    deadlineMs,
  );
  // A chain, as a gateway has it: several promises until it has noted the page.
  const follow = async (promise: Promise<PresencePage>): Promise<void> => {
    const { members } = await Promise.resolve(promise.then((answer) => answer));
    await Promise.resolve();
    seen.push(`page ${members[0]?.connectionId}`);
  };
  return { fences, seen, follow };
}

function event(connectionId: string, subscription: string = room): PresenceEvent {
  return { subscription, type: 'join', member: { connectionId } };
}

describe('the fences of presence', () => {
  it('hand a page over behind the events before its fence and before those after it', async () => {
    const { fences, seen, follow } = rig();
    const token = fences.open(room);
    fences.event(event('1'));
    const followed = follow(fences.page(room, token, page));
    fences.event(event('2'));
    fences.fence(room, token);
    fences.event(event('3'));
    fences.event(event('elsewhere', 'other'));
    await followed;
    await turn();
    fences.event(event('4'));
    expect(seen).toEqual(['1', '2', 'elsewhere', 'page p', '3', '4']);
  });

  it('hold events behind a fence that came before the page was answered', async () => {
    const { fences, seen, follow } = rig();
    const token = fences.open(room);
    fences.event(event('1'));
    fences.fence(room, token);
    fences.event(event('2'));
    await turn();
    expect(seen).toEqual(['1']);
    await follow(fences.page(room, token, page));
    await turn();
    expect(seen).toEqual(['1', 'page p', '2']);
  });

  it('let events go on where there will be no page', async () => {
    const { fences, seen } = rig();
    const token = fences.open(room);
    fences.fence(room, token);
    fences.event(event('1'));
    fences.cancel(room, token);
    await turn();
    expect(seen).toEqual(['1']);
  });

  it('wait on for those of names whose connection was not lost', async () => {
    const { fences, seen, follow } = rig();
    const token = fences.open(room);
    const followed = follow(fences.page(room, token, page));
    const other = fences.open('other');
    const otherFollowed = follow(fences.page('other', other, { members: [{ connectionId: 'o' }] }));
    fences.lost(['other', 'another']);
    await otherFollowed;
    fences.event(event('1'));
    fences.fence(room, token);
    await followed;
    expect(seen).toEqual(['page o', '1', 'page p']);
  });

  it('do not wait for a fence that is lost with its connection', async () => {
    const { fences, seen, follow } = rig();
    const answered = fences.open(room);
    const followed = follow(fences.page(room, answered, page));
    const unanswered = fences.open(room);
    fences.fence(room, unanswered);
    fences.event(event('1'));
    fences.lost();
    await followed;
    await follow(fences.page(room, unanswered, page));
    expect(seen.toSorted()).toEqual(['1', 'page p', 'page p']);
  });

  it('do not wait longer than the deadline', async () => {
    const { fences, seen, follow } = rig(1);
    const token = fences.open(room);
    await follow(fences.page(room, token, page));
    fences.fence(room, token);
    fences.event(event('1'));
    expect(seen).toEqual(['page p', '1']);
  });

  it('drop what is held for a name that is left', async () => {
    const { fences, seen } = rig();
    const token = fences.open(room);
    fences.fence(room, token);
    fences.event(event('1'));
    fences.forget([room, 'other']);
    expect(await fences.page(room, token, page)).toBe(page);
    await turn();
    expect(seen).toEqual([]);
  });

  it('do not care for the fences of others', () => {
    const { fences, seen } = rig();
    fences.fence(room, 'of another');
    const token = fences.open(room);
    fences.fence(room, 'of another');
    fences.event(event('1'));
    fences.cancel(room, token);
    expect(seen).toEqual(['1']);
  });

  it('keep one order of pages and events, however the two connections are interleaved', async () => {
    await fc.assert(
      fc.asyncProperty(fc.infiniteStream(fc.nat(2)), async (choices) => {
        const { fences, seen, follow } = rig();
        const pages = 4;
        const tokens = Array.from({ length: pages }, () => fences.open(room));
        // The channel: event 0, fence 0, event 1, fence 1, …; the answers: page 0, page 1, ….
        const channel = tokens.flatMap((token, index) => [
          (): void => fences.event(event(`${index}`)),
          (): void => fences.fence(room, token),
        ]);
        const followed: Promise<void>[] = [];
        const answers = tokens.map((token, index) => (): void => {
          followed.push(follow(fences.page(room, token, { members: [{ connectionId: `${index}` }] })));
        });
        while (channel.length + answers.length > 0) {
          const { value } = choices.next();
          if (value === 2) await turn();
          else (value === 0 ? channel : answers).shift()?.();
        }
        await Promise.all(followed);
        await turn();
        expect(seen).toEqual(tokens.flatMap((_, index) => [`${index}`, `page ${index}`]));
      }),
    );
  });
});

/** Until all that is due now has happened. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
