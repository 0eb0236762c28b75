import { describe, expect, it } from 'vitest';
import { ConnectError, HandshakeError } from '../../src/client/client-errors.ts';
import { hintedDelayMs } from '../../src/client/retry-advice.ts';
import { restartReason } from '../../src/gateway/draining.ts';

function refused(headers: Readonly<Record<string, string>>): HandshakeError {
  return new HandshakeError('refused', { status: 503, headers: new Headers(headers), body: '' });
}

describe('when a server asks to come back', () => {
  it('is what the gateway says with 1012, and a little later', () => {
    for (const ms of [0, 1_234, 10_000]) {
      const delayMs = hintedDelayMs({ code: 1012, reason: restartReason(ms) });
      expect(delayMs).toBeGreaterThanOrEqual(ms);
      expect(delayMs).toBeLessThan(ms + 100);
    }
  });

  it('is the Retry-After of a refused handshake, within its second', () => {
    const delayMs = hintedDelayMs({ code: 1006, reason: '', error: refused({ 'Retry-After': '3' }) });
    expect(delayMs).toBeGreaterThanOrEqual(3_000);
    expect(delayMs).toBeLessThan(4_000);
  });

  it.each([
    ['another code', { code: 1001, reason: 'restarting; reconnect in 10 ms' }],
    ['no reason', { code: 1012, reason: '' }],
    ['another reason', { code: 1012, reason: 'reconnect in 10 ms or so' }],
    ['a negative time', { code: 1012, reason: 'reconnect in -10 ms' }],
    ['a time that nobody would wait', { code: 1012, reason: 'reconnect in 999999999 ms' }],
    ['an error of the network', { code: 1006, reason: '', error: new ConnectError('no') }],
    ['a refusal without the header', { code: 1006, reason: '', error: refused({}) }],
    ['a date', { code: 1006, reason: '', error: refused({ 'Retry-After': 'Sat, 21 Nov 2026 20:00:00 GMT' }) }],
    ['hours', { code: 1006, reason: '', error: refused({ 'Retry-After': '7200' }) }],
  ])('is nothing where there is %s', (_, end) => {
    expect(hintedDelayMs(end)).toBeUndefined();
  });
});
