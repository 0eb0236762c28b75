import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { redact, serializeError } from '../../../src/server/redaction.ts';

/** An error such as ioredis makes: the command hangs on it, with its arguments. */
function failedAuth(): Error {
  const error = new Error('WRONGPASS invalid username-password pair', { cause: new Error('the socket was closed') });
  return Object.assign(error, { code: 'WRONGPASS', command: { name: 'auth', args: ['ada', 'hunter2'] } });
}

const mark = '8127736455';
const base64 = (secret: string): string => Buffer.from(secret).toString('base64');
/** Of nine bytes at an offset that three divides, so that it looks the same whatever comes before and behind. */
const markInBase64 = base64(mark.slice(0, 9));

const special = ['"', "'", '\\', '\n', '\u2028', '\ud800', '{', '[', ']', '}', ',', ' ', '=', ':', '%', '…', 'eyJ'];
const text = fc
  .array(fc.oneof(fc.string(), fc.constantFrom(...special, 'password', 'token', 'Basic ', '://')))
  .map((parts) => parts.join(''));
const secret = fc.tuple(text, text).map(([before, after]) => before + mark + after);
const word = fc.stringMatching(/^[A-Za-z0-9._-]{0,12}$/).map((before) => before + mark);
const secretName = fc.constantFrom(
  'password',
  'redisPassword',
  'passwd',
  'secret',
  'clientSecrets',
  'token',
  'access_token',
  'apiKey',
  'x-api-key',
  'authorization',
  'Proxy-Authorization',
  'cookie',
  'set-cookie',
);
const field = fc
  .tuple(
    secretName,
    fc.oneof(
      secret,
      fc.constant(Number(mark)),
      fc.array(secret, { minLength: 1 }),
      secret.map((inner) => ({ a: [{ b: inner }] })),
    ),
  )
  .map(([name, value]) => ({ [name]: value }));
const fields = fc.oneof(
  field,
  field.map((headers) => ({ x: [{ headers }] })),
);

/** A text with the mark in it, in one of the shapes in which it is recognised. */
const giveaway = fc.oneof(
  field.map((fieldInText) => JSON.stringify(fieldInText)),
  field.map((fieldInText) => JSON.stringify({ x: JSON.stringify(fieldInText) })),
  field.map((fieldInText) => JSON.stringify([JSON.stringify({ x: JSON.stringify(fieldInText) })])),
  fc.tuple(secretName, word).map(([name, value]) => `${name}=${value}`),
  word.map((value) => `https://host/path?x=1&%74oke%6E=${value}&y=2`),
  word.map((value) => `redis://ada:${value}@host:6379/0`),
  word.map((value) => `Authorization: Bearer ${value}`),
  fc.constantFrom('ada', 'adabel').map((user) => `Basic ${base64(`${user.slice(0, -1)}:${mark}`)}`),
  word.map((value) => `Cookie: a=b; sid=${value}`),
  word.map((value) => `eyJhbGciOiJIUzI1NiJ9.${value}.${value}`),
);

describe('what of an error is logged', () => {
  it('says what happened and why, and nothing that a library has hung on it', () => {
    const serialized = serializeError(failedAuth());
    expect(serialized).toMatchObject({
      type: 'Error',
      message: 'WRONGPASS invalid username-password pair',
      code: 'WRONGPASS',
      cause: { message: 'the socket was closed' },
    });
    expect(JSON.stringify(serialized)).not.toContain('hunter2');
  });

  it('has every failure of an aggregate, and ends where causes go round in circles', () => {
    const error = new AggregateError([new Error('first'), failedAuth()], 'all failed');
    error.cause = error;
    const text = JSON.stringify(serializeError(error));
    expect(text).toContain('first');
    expect(text).not.toContain('hunter2');
  });

  it('leaves what was thrown and is no error as it is', () => {
    expect(serializeError('a text')).toBe('a text');
  });

  it('is a few thousand characters of each text at most, with both ends, and says so', () => {
    const error = Object.assign(new Error(`begin ${'x'.repeat(200_000)} end`), { path: 'y'.repeat(200_000) });
    const serialized = serializeError(error);
    expect(serialized).toMatchObject({
      message: expect.stringMatching(/^begin x+ … 195914 characters left out … x+ end$/),
      // The frames behind the message.
      stack: expect.stringMatching(/^Error: begin x+ … \d+ characters left out … [^]*\n +at .*redaction\.test\.ts/),
      path: expect.stringMatching(/^y+ … 195904 characters left out … y+$/),
    });
    expect(JSON.stringify(serialized).length).toBeLessThan(15_000);
    expect(String(serializeError('z'.repeat(200_000))).length).toBeLessThan(5_000);
  });

  it('is cut where no credential is cut in two', () => {
    for (let before = 2_000; before < 2_060; before++) {
      const message = `${'x '.repeat(before / 2)} redis://:${'MARK'.repeat(10)}@host ${'x'.repeat(5_000)}`;
      expect(JSON.stringify(serializeError(new Error(message)))).not.toContain('MARK');
    }
  });
});

describe('a line of the error log', () => {
  it.each([
    ['a field that is named so', '{"password":"MARK","x":1}', '{"password":"***","x":1}'],
    ['a field that ends so', '{"redisPassword":"MARK \\" MARK"}', '{"redisPassword":"***"}'],
    ['a header', '{"authorization":"Basic MARKMARK","host":"a"}', '{"authorization":"***","host":"a"}'],
    ['a list of cookies', '{"set-cookie":["a=MARK","b=MARK"],"x":1}', '{"set-cookie":"***","x":1}'],
    ['a URL', '{"msg":"redis://ada:MARK@host:6379/0 is gone"}', '{"msg":"redis://ada:***@host:6379/0 is gone"}'],
    ['a URL without a user', 'rediss://:MA@RK@host', 'rediss://:***@host'],
    ['a query', '"/chat?token=MARK&name=x"', '"/chat?token=***&name=x"'],
    ['a query in disguise', '"/chat?x=1&%74ok%65n=MARK"', '"/chat?x=1&%74ok%65n=***"'],
    ['a query of another kind', '"/chat?access_token=MARK&api_key=MARK"', '"/chat?access_token=***&api_key=***"'],
    ['a quoted header', '"Authorization: Bearer MARK.MARK failed"', '"Authorization: Bearer *** failed"'],
    ['a token', '"eyJhbGciOiJIUzI1NiJ9.MARK.MARK"', '"***"'],
    ['a token after a hyphen', '"x-eyJhbGciOiJIUzI1NiJ9.MARK.MARK"', '"x-***"'],
    ['a number', '{"token":12345678,"x":1}\n', '{"token":"***","x":1}\n'],
    ['an object', '{"password":{"a":{"b":"MARK"}},"x":1}', '{"password":"***","x":1}'],
    ['a list with brackets', '{"cookie":["a]b","sid=MARK"],"x":1}', '{"cookie":"***","x":1}'],
    [
      'JSON in a text',
      String.raw`{"msg":"{\"password\":\"MARK\",\"x\":1}"}`,
      String.raw`{"msg":"{\"password\":\"***\",\"x\":1}"}`,
    ],
    ['a number in a text', String.raw`{"msg":"{\"token\": 12345678}"}`, String.raw`{"msg":"{\"token\": ***}"}`],
    [
      'an object in a text',
      String.raw`{"msg":"{\"password\":{\"x\":\"MARK\"}}"}`,
      String.raw`{"msg":"{\"password\":***"}`,
    ],
    ['an inspected object', `"{ x: 1, password: 'MARK MARK' }"`, `"{ x: 1, password: '***' }"`],
    ['a variable', '"CARILLON_REDIS_PASSWORD=MARK and more"', '"CARILLON_REDIS_PASSWORD=*** and more"'],
    ['a cookie header', '"got Cookie: a=MARK; b=MARK"', '"got Cookie: ***"'],
    ['Basic', '"Basic YWRhOmh1bnRlcjI= and Basic MARK42"', '"Basic *** and Basic ***"'],
  ])('masks the credential of %s', (_, line, expected) => {
    expect(redact(line)).toBe(expected);
  });

  it.each([
    '{"event":"redis-unavailable","msg":"redis://127.0.0.1:6379 is unreachable: the token bucket, a password"}\n',
    '"basic authentication needs users"',
    '"Bearer authentication needs a secret; bearer tokens are signed"',
    '"auth of type \\"token\\" needs a secret or a secretFile"',
    '"redis.password: found ********, expected one of the two; passwordFile: ./redis"',
    '{"hasToken":true,"token":null,"__proto__":{"x":[1,"a",{}]}}',
  ])('is otherwise as it was: %s', (line) => {
    expect(redact(line)).toBe(line);
  });

  it('is JSON and holds no credential, whatever else is in it', () => {
    const log = (error: unknown, fields: object): string =>
      redact(`${JSON.stringify({ ...fields, err: serializeError(error) })}\n`);
    fc.assert(
      fc.property(text, text, giveaway, fields, fc.nat(3), (before, after, credential, fieldsOfLine, padding) => {
        const message = `${before} ${credential} ${after}${'long '.repeat(padding * 500)}`;
        const error = new Error(message, { cause: new AggregateError([new Error(message)], credential) });
        const line = log(error, { msg: message, ...fieldsOfLine });
        expect(line).not.toContain(mark);
        expect(line).not.toContain(markInBase64);
        expect(JSON.parse(line)).toHaveProperty('err.cause.errors.0.stack');
        expect(line.indexOf('\n')).toBe(line.length - 1);
      }),
      { numRuns: 1_000 },
    );
  });

  it('costs in proportion to its length, whatever is in it', () => {
    const parts = [
      'a',
      'a-',
      '?',
      '://:',
      'a?t',
      'eyJ',
      '-eyJ',
      '-eyJaaaaaa',
      'eyJaaaaaa.',
      '"token":"',
      String.raw`\"token\":\"`,
      'password',
      'password=',
      'password\\',
      'cookie:a',
      '%74',
      '?t%',
      'Basic ',
      'Bearer ',
      ' ',
      '"x',
      'redis://',
      '=',
      '@',
      '\\',
    ];
    const before = process.cpuUsage();
    for (const part of parts) {
      const long = part.repeat(Math.ceil(128_000 / part.length));
      redact(long);
      redact(JSON.stringify({ msg: long }));
    }
    // Time that grows with the square of the length would be minutes.
    expect(process.cpuUsage(before).user).toBeLessThan(5_000_000);
  });
});
