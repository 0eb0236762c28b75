import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UnansweredCalls, type AwaitedCall } from '../../../../src/broker/redis/unanswered-calls.ts';

const timeoutMs = 100;

interface Call extends AwaitedCall {
  readonly name: string;
}

function watch(): { calls: UnansweredCalls<string, Call>; givenUp: string[] } {
  const givenUp: string[] = [];
  return { calls: new UnansweredCalls(timeoutMs, ({ name }, server) => givenUp.push(`${name} at ${server}`)), givenUp };
}

describe('a call that is not answered', () => {
  it('is given up in its time where the server is silent', () => {
    const { calls, givenUp } = watch();
    calls.sent({ name: 'a', deadlineMs: 100 }, 'one', 0);
    calls.look(99);
    expect(givenUp).toEqual([]);
    calls.look(100);
    expect(givenUp).toEqual(['a at one']);
  });

  it('has five times as long where the server answers others, and no longer', () => {
    const { calls, givenUp } = watch();
    calls.sent({ name: 'a', deadlineMs: 100 }, 'one', 0);
    for (let nowMs = 10; nowMs < 500; nowMs += 10) {
      const other = { name: 'other', deadlineMs: nowMs + timeoutMs };
      calls.sent(other, 'one', nowMs);
      calls.answered(other, 'one', nowMs);
      calls.look(nowMs);
    }
    expect(givenUp).toEqual([]);
    calls.look(500);
    expect(givenUp).toEqual(['a at one']);
  });

  it('is given up when the server has fallen silent', () => {
    const { calls, givenUp } = watch();
    const other = { name: 'other', deadlineMs: 120 };
    calls.sent({ name: 'a', deadlineMs: 100 }, 'one', 0);
    calls.sent(other, 'one', 20);
    calls.answered(other, 'one', 80);
    calls.look(179);
    expect(givenUp).toEqual([]);
    calls.look(180);
    expect(givenUp).toEqual(['a at one']);
  });

  it('is given up in its time although a younger one was sent before it', () => {
    const { calls, givenUp } = watch();
    calls.sent({ name: 'younger', deadlineMs: 110 }, 'one', 10);
    calls.sent({ name: 'older', deadlineMs: 100 }, 'one', 20);
    calls.look(109);
    expect(givenUp).toEqual([]);
    calls.look(110);
    expect(givenUp).toEqual(['younger at one', 'older at one']);
  });

  it('is not given up for a silence of before it was sent', () => {
    const { calls, givenUp } = watch();
    calls.sent({ name: 'again', deadlineMs: 100 }, 'one', 95);
    calls.look(194);
    expect(givenUp).toEqual([]);
    calls.look(195);
    expect(givenUp).toEqual(['again at one']);
  });

  it('is not given up for a time in which the server owed nothing', () => {
    const { calls, givenUp } = watch();
    const earlier = { name: 'earlier', deadlineMs: 100 };
    calls.sent(earlier, 'one', 0);
    calls.answered(earlier, 'one', 1);
    calls.sent({ name: 'again', deadlineMs: 100 }, 'one', 95);
    calls.look(194);
    expect(givenUp).toEqual([]);
    calls.look(195);
    expect(givenUp).toEqual(['again at one']);
  });

  it('is not given up for the silence of another server, nor twice', () => {
    const { calls, givenUp } = watch();
    const other = { name: 'other', deadlineMs: 100 };
    calls.sent({ name: 'a', deadlineMs: 100 }, 'one', 0);
    calls.sent({ name: 'b', deadlineMs: 100 }, 'two', 0);
    calls.sent(other, 'two', 0);
    calls.answered(other, 'two', 90);
    calls.look(150);
    calls.look(150);
    expect(givenUp).toEqual(['a at one']);
  });

  it('has come to its end after five times its time, whatever the server does', () => {
    const event = fc.record({ afterMs: fc.integer({ min: 0, max: 60 }), answers: fc.boolean() });
    fc.assert(
      fc.property(fc.array(event, { maxLength: 60 }), (events) => {
        const { calls, givenUp } = watch();
        calls.sent({ name: 'a', deadlineMs: timeoutMs }, 'one', 0);
        let nowMs = 0;
        for (const { afterMs, answers } of events) {
          nowMs += afterMs;
          const other = { name: 'other', deadlineMs: nowMs + timeoutMs };
          calls.sent(other, 'one', nowMs);
          if (answers) calls.answered(other, 'one', nowMs);
          calls.look(nowMs);
          const isGivenUp = givenUp.includes('a at one');
          if (nowMs < timeoutMs) expect(isGivenUp).toBe(false);
          if (nowMs >= 5 * timeoutMs) expect(isGivenUp).toBe(true);
        }
      }),
    );
  });
});
