import { describe, expect, it } from 'vitest';
import type { ClientError } from '../../src/client/client-errors.ts';
import type { OpenOptions } from '../../src/client/client-options.ts';
import { resolveOptions } from '../../src/client/resolve-options.ts';

function resolveUrl(url: string, baseUrl?: string): string {
  return resolveOptions(url, {}, baseUrl).target.url;
}

function problem(url: string, options: OpenOptions = {}): { code: string; message: string } {
  try {
    resolveOptions(url, options);
  } catch (error) {
    const { code, message } = error as ClientError;
    return { code, message };
  }
  throw new Error(`${url} was accepted`);
}

describe('the URL of a client', () => {
  it('may have the schemes ws and wss, and http and https that stand for them', () => {
    expect(resolveUrl('ws://a.test/x?y=1')).toBe('ws://a.test/x?y=1');
    expect(resolveUrl('wss://a.test')).toBe('wss://a.test/');
    expect(resolveUrl('http://a.test:8080/x')).toBe('ws://a.test:8080/x');
    expect(resolveUrl('https://a.test/x')).toBe('wss://a.test/x');
  });

  it('is relative to the page where there is one', () => {
    expect(resolveUrl('/chat/connect?x=1', 'https://a.test/chat')).toBe('wss://a.test/chat/connect?x=1');
    expect(problem('/chat/connect')).toEqual({
      code: 'INVALID_URL',
      message: 'the URL "/chat/connect" cannot be parsed; expected ws://host/path',
    });
  });

  it('is refused with another scheme, naming it', () => {
    expect(problem('ftp://a.test/')).toEqual({
      code: 'INVALID_URL',
      message: `the URL's scheme is "ftp"; expected ws, wss, http or https`,
    });
    expect(problem('localhost:8080/chat').message).toContain('"localhost"');
  });

  it('is refused with a fragment', () => {
    expect(problem('ws://a.test/x#y').message).toBe(
      'the URL ws://a.test/x has a fragment; expected none in the URL of a WebSocket',
    );
  });

  it('shows neither credentials nor query in a message', () => {
    const urls = ['ws://me:hush@a.test/x?token=hush#hush', 'ws://me:hush@a.test:99999/?token=hush#hush'];
    for (const url of urls) expect(problem(url).message).not.toContain('hush');
    expect(resolveOptions('ws://me:hush@a.test/x?token=hush', {}).target.displayUrl).toBe('ws://a.test/x');
  });
});

describe('the options of a client', () => {
  it('are refused when a subprotocol is no token or is offered twice', () => {
    expect(problem('ws://a.test', { subprotocols: ['with space'] })).toEqual({
      code: 'BAD_SUBPROTOCOL',
      message: `the subprotocol "with space" is no token; expected letters, digits and !#$%&'*+-.^_\`|~`,
    });
    expect(problem('ws://a.test', { subprotocols: ['a', 'b', 'a'] }).message).toBe(
      'the subprotocol a is offered twice; expected once',
    );
    expect(resolveOptions('ws://a.test', { subprotocols: ['v1.carillon+json'] }).target.subprotocols).toEqual([
      'v1.carillon+json',
    ]);
  });

  it.each([
    [{ timeoutMs: 0 }, 'timeoutMs is 0; expected a whole number from 1 to 2147483647'],
    [{ timeoutMs: Number.POSITIVE_INFINITY }, 'timeoutMs is Infinity'],
    [{ closeTimeoutMs: -1 }, 'closeTimeoutMs is -1'],
    [{ inboxBytes: Number.NaN }, 'inboxBytes is NaN'],
    [{ reconnect: { capMs: 2 ** 31 } }, 'reconnect.capMs is 2147483648'],
    [{ reconnect: { baseMs: 0.5 } }, 'reconnect.baseMs is 0.5'],
    [{ reconnect: { attempts: 0 } }, 'reconnect.attempts is 0'],
  ] satisfies [OpenOptions, string][])('are refused out of range: %j', (options, message) => {
    const { code, message: found } = problem('ws://a.test', options);
    expect(code).toBe('INVALID_OPTION');
    expect(found).toContain(message);
  });

  it('have the documented defaults', () => {
    const { timeoutMs, closeTimeoutMs, inboxBytes, reconnect } = resolveOptions('ws://a.test', { reconnect: true });
    expect({ timeoutMs, closeTimeoutMs, inboxBytes }).toEqual({
      timeoutMs: 10_000,
      closeTimeoutMs: 5_000,
      inboxBytes: 16_777_216,
    });
    expect(reconnect).toEqual({
      baseMs: 500,
      capMs: 30_000,
      attempts: Number.POSITIVE_INFINITY,
      retryCodes: [],
      fromStart: false,
    });
    expect(resolveOptions('ws://a.test', {}).reconnect).toBeUndefined();
  });
});
