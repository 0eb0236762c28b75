import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { beginLine, endLine, maskTokens, type AccessFacts } from '../../src/http/access-line.ts';

const facts: AccessFacts = {
  address: '192.0.2.7',
  user: undefined,
  date: new Date('2000-10-10T13:55:36.789Z'),
  method: 'GET',
  target: '/websocket/chat',
  httpVersion: '1.1',
  referer: 'http://example.com/start',
  userAgent: 'Mozilla/4.08 [en]',
};

const lineOf = (changes: Partial<AccessFacts>): string =>
  endLine(beginLine({ ...facts, ...changes }), 200, 2326, 1.5, 'AbC-dEf_.1z');
const format = /^(\S+) - (\S+) \[([^\]]+)\] "([^"]*)" (\d{3}) (\d+|-) "([^"]*)" "([^"]*)" (\d+) (\d{4}|-) ([\w.-]+)\n$/;

/** `%6b`, or `%6B`. */
function escaped(letter: string, isUpperCase = false): string {
  const code = letter.charCodeAt(0).toString(16);
  return `%${isUpperCase ? code.toUpperCase() : code}`;
}

describe('a line of the access log', () => {
  it('is in combined format, with duration, close code and id after it', () => {
    expect(endLine(beginLine(facts), 200, 2326, 12.4, 'a.1')).toBe(
      '192.0.2.7 - - [10/Oct/2000:13:55:36 +0000] "GET /websocket/chat HTTP/1.1" 200 2326 ' +
        '"http://example.com/start" "Mozilla/4.08 [en]" 12 - a.1\n',
    );
    expect(
      endLine(
        beginLine({ ...facts, user: 'ada', referer: undefined, userAgent: undefined }),
        101,
        99,
        60_000,
        'a.2',
        1001,
      ),
    ).toBe(
      '192.0.2.7 - ada [10/Oct/2000:13:55:36 +0000] "GET /websocket/chat HTTP/1.1" 101 99 "-" "-" 60000 1001 a.2\n',
    );
  });

  it('says "-" for what is not known', () => {
    const line = endLine(
      beginLine({ ...facts, address: '', method: '', userAgent: undefined }),
      400,
      undefined,
      0,
      'a.3',
    );
    expect(line).toContain('- - - [');
    expect(line).toContain('"-" 400 - "');
  });

  it('cannot be forged from what a client sends', () => {
    const forged = 'x" 200 1 "-" "-"\r\n192.0.2.9 - root [';
    expect(lineOf({ userAgent: forged })).toContain(
      '"x\\x22 200 1 \\x22-\\x22 \\x22-\\x22\\x0d\\x0a192.0.2.9 - root ["',
    );
    expect(lineOf({ user: 'a b"\n\u00e9' })).toContain(' - a\\x20b\\x22\\x0a\\xc3\\xa9 [');
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }),
        fc.string({ unit: 'binary' }),
        fc.string({ unit: 'binary' }),
        (user, userAgent, target) => {
          const line = lineOf({
            user,
            userAgent: Buffer.from(userAgent).toString('latin1'),
            target: Buffer.from(target).toString('latin1'),
          });
          expect(line).toMatch(format);
          expect(line).toMatch(/^[\x20-\x7e]*\n$/);
        },
      ),
    );
  });

  it('is bounded however long the request was', () => {
    const long = 'x'.repeat(16_000);
    expect(lineOf({ target: long, userAgent: long, referer: long, user: long }).length).toBeLessThan(6_000);
    const tokens = `/?${'token=a&'.repeat(2_000)}`;
    expect(lineOf({ target: tokens, referer: tokens }).length).toBeLessThan(6_000);
  });

  it('masks tokens, however their name is spelt', () => {
    expect(maskTokens('/chat')).toBe('/chat');
    expect(maskTokens('/chat?token=eyJ.x.y&log=access')).toBe('/chat?token=***&log=access');
    expect(maskTokens('/chat?a=1&%74ok%65n=secret&token=second')).toBe('/chat?a=1&%74ok%65n=***&token=***');
    expect(maskTokens('/chat?tokens=3&token=')).toBe('/chat?tokens=3&token=');
    expect(lineOf({ target: '/chat?token=secret', referer: 'http://example.com/?token=secret' })).not.toContain(
      'secret',
    );
  });

  it('masks whatever URLSearchParams would read as a token', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.tuple(
            fc.oneof(
              fc.constantFrom('to%6ben', '%74%6F%6B%65%6e', 'token%00', '+token', '?token', '%EF%BB%BFtoken', 'x', ''),
              // Every spelling there is.
              fc
                .tuple(
                  ...'token'.split('').map((letter) => fc.constantFrom(letter, escaped(letter), escaped(letter, true))),
                )
                .map((letters) => letters.join('')),
            ),
            fc.base64String(),
          ),
        ),
        (pairs) => {
          const query = pairs.map(([name, value]) => `${name}=${value}`).join('&');
          const shown = new URLSearchParams(maskTokens(`/?${query}`).slice(2));
          for (const value of shown.getAll('token')) expect(['', '***']).toContain(value);
        },
      ),
    );
  });

  it('shows no part of a token, wherever the line is cut', () => {
    // From the & at the cut to all but the last character in front of it.
    for (let before = 0; before < 17; before++) {
      const [target, referer] = [2_048, 1_024].map((cut) => `/?a=${'x'.repeat(cut - 4 - before)}&token=SECRET&b=1`);
      const line = lineOf({ target: target ?? '', referer });
      expect(line).not.toMatch(/=S/);
      expect(line.match(/\.\.\. HTTP|\.\.\."/g)).toHaveLength(2);
    }
  });

  it('masks in time that grows no faster than the target', () => {
    // Anything quadratic would not end within the test's time.
    for (const parameter of ['&', '&%74oken', '&%=', '?', '&token=a']) {
      const masked = maskTokens(`/?${parameter.repeat(1_000_000)}`);
      expect(masked).not.toContain('=a');
    }
  });
});
