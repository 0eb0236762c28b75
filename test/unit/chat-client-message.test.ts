import { readFile } from 'node:fs/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { errorCodes, lossReasons } from '../../src/apps/chat/chat-protocol.ts';
import { readClientMessage } from '../../src/apps/chat/read-client-message.ts';

const read = (data: string) => readClientMessage(data, 100);

describe('a message of a JSON client', () => {
  it('is taken with and without a ref', () => {
    expect(read('{"type":"message","text":"Hello"}')).toEqual({ type: 'message', text: 'Hello' });
    expect(read('{"type":"message","text":"Hello","ref":"1"}')).toEqual({ type: 'message', text: 'Hello', ref: '1' });
    expect(read('{"type":"message","text":"Hello","id":"x"}')).toEqual({ type: 'message', text: 'Hello', id: 'x' });
    expect(read('{"type":"nick","nick":" Anna "}')).toEqual({ type: 'nick', nick: 'Anna' });
    expect(read('{"type":"members","ref":""}')).toEqual({ type: 'members', ref: '' });
  });

  it('may have fields that nobody knows', () => {
    expect(read('{"type":"message","text":"Hello","colour":"red","__proto__":{"a":1}}')).toEqual({
      type: 'message',
      text: 'Hello',
    });
  });

  it.each(['', 'Hello', '[]', 'null', '1', '"message"', '{"type":"message"'])('is refused when it is %j', (data) => {
    expect(read(data)).toMatchObject({ type: 'error', code: 'bad-json', field: null });
  });

  it.each([
    ['{}', 'unknown-type', 'type', /type: found nothing; expected "message"/],
    ['{"type":"shout","ref":"9"}', 'unknown-type', 'type', /found "shout"/],
    ['{"type":{}}', 'unknown-type', 'type', /found an object/],
    ['{"type":"message","text":1}', 'bad-field', 'text', /text: found 1; expected a string of 1 to 100 bytes/],
    ['{"type":"message","text":""}', 'bad-field', 'text', /text: found ""/],
    [
      `{"type":"message","text":"${'é'.repeat(51)}"}`,
      'too-long',
      'text',
      /text: has 102 bytes; expected .* 1 to 100 bytes of UTF-8/,
    ],
    ['{"type":"nick"}', 'bad-field', 'nick', /nick: found nothing/],
    [
      `{"type":"nick","nick":"${'n'.repeat(33)}"}`,
      'too-long',
      'nick',
      /nick: is too long; expected 1 to 32 characters/,
    ],
    ['{"type":"nick","nick":"a\\nb"}', 'bad-field', 'nick', /line break/],
    ['{"type":"message","text":"a","ref":1}', 'bad-field', 'ref', /ref: found 1; expected a string of at most 64/],
    ['{"type":"message","text":"a","id":7}', 'bad-field', 'id', /id: found 7; expected a string of 1 to 64 characters/],
    ['{"type":"message","text":"a","id":""}', 'bad-field', 'id', /id: found ""/],
    [`{"type":"message","text":"a","id":"${'i'.repeat(65)}"}`, 'bad-field', 'id', /a string of 65 characters/],
    [`{"type":"message","text":"a","ref":"${'r'.repeat(65)}"}`, 'bad-field', 'ref', /a string of 65 characters/],
  ])('%s is refused with %s, naming %s', (data, code, field, message) => {
    expect(read(data)).toMatchObject({ type: 'error', code, field, message: expect.stringMatching(message) });
  });

  it('gets the ref back with the refusal', () => {
    expect(read('{"type":"shout","ref":"9"}')).toMatchObject({ ref: '9' });
    expect(read('{"type":"message","text":"","ref":"9"}')).toMatchObject({ ref: '9' });
  });

  it('is judged without throwing, whatever it is, and the answer stays short', () => {
    const anything = fc.oneof(
      fc.string(),
      fc.json(),
      fc
        .record({
          type: fc.constantFrom('message', 'nick', 'members'),
          text: fc.anything(),
          id: fc.anything(),
          nick: fc.anything(),
          ref: fc.anything(),
        })
        .map((value) =>
          JSON.stringify(value, (_, inner: unknown) => (typeof inner === 'bigint' ? String(inner) : inner)),
        ),
    );
    fc.assert(
      fc.property(anything, (data) => {
        const message = read(data);
        return message.type !== 'error' || message.message.length < 300;
      }),
    );
  });

  it('can be refused with the codes that docs/chat.md explains, and with no others', async () => {
    const docs = await readFile(new URL('../../docs/chat.md', import.meta.url), 'utf8');
    const table = docs.slice(docs.indexOf('### Errors'), docs.indexOf('## How a message travels'));
    const explained = [...table.matchAll(/^\| `([a-z-]+)`/gm)].map((match) => match[1]);
    expect(new Set(explained)).toEqual(new Set<string>(errorCodes));
  });

  it('may have been missed for the reasons that docs/chat.md explains, and for no others', async () => {
    const docs = await readFile(new URL('../../docs/chat.md', import.meta.url), 'utf8');
    const table = docs.slice(docs.indexOf('### Coming back'), docs.indexOf('### Sending again'));
    const explained = [...table.matchAll(/^\| `([a-z-]+)`/gm)].map((match) => match[1]);
    expect(new Set(explained)).toEqual(new Set<string>(lossReasons));
  });
});
