import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readClientMessage } from '../../src/apps/log-view/read-client-message.ts';

const bad: readonly [text: string, message: string][] = [
  ['', 'the message is not JSON'],
  ['{', 'the message is not JSON'],
  ['[]', 'the message is not an object'],
  ['null', 'the message is not an object'],
  ['{}', 'type: expected "open", "severities" or "severity"'],
  ['{"type":"toString"}', 'type: expected "open", "severities" or "severity"'],
  ['{"type":"open"}', 'log: expected a string'],
  ['{"type":"open","log":"a","tail":-1}', 'tail: expected a whole number from 0 to 10000'],
  ['{"type":"open","log":"a","tail":1.5}', 'tail: expected a whole number from 0 to 10000'],
  ['{"type":"open","log":"a","tail":null}', 'tail: expected a whole number from 0 to 10000'],
  ['{"type":"open","log":"a","tail":10001}', 'tail: expected a whole number from 0 to 10000'],
  ['{"type":"open","log":"a","since":1}', 'since: expected the position of a message, {"epoch": …, "offset": …}'],
  [
    '{"type":"open","log":"a","since":{"epoch":"","offset":1}}',
    'since: expected the position of a message, {"epoch": …, "offset": …}',
  ],
  [
    '{"type":"open","log":"a","since":{"epoch":"e","offset":-1}}',
    'since: expected the position of a message, {"epoch": …, "offset": …}',
  ],
  ['{"type":"severity","name":"debug","on":true,"node":1}', 'node: expected the name of a node, or "*"'],
  ['{"type":"severity","name":"debug"}', 'on: expected true or false'],
  ['{"type":"severity","on":true}', 'name: expected a string'],
  ['{"type":"severities","ref":1}', 'ref: expected a string of at most 64 characters'],
  [`{"type":"severities","ref":"${'x'.repeat(65)}"}`, 'ref: expected a string of at most 64 characters'],
];

describe('what JSON clients of log-view send', () => {
  it.each(bad)('%j cannot be read: %s', (text, message) => {
    expect(readClientMessage(text)).toEqual({ type: 'error', code: 'bad-message', message });
  });

  it('is read field by field; fields that are not known are ignored', () => {
    expect(readClientMessage('{"type":"open","log":"a","tail":0,"ref":"1","more":1}')).toEqual({
      type: 'open',
      log: 'a',
      tail: 0,
      ref: '1',
    });
    expect(readClientMessage('{"type":"severities"}')).toEqual({ type: 'severities' });
    expect(readClientMessage('{"type":"severity","name":"debug","on":false}')).toEqual({
      type: 'severity',
      name: 'debug',
      on: false,
    });
  });

  it('may say where to go on, and which node is meant', () => {
    const since = { epoch: 'e', offset: 3 };
    expect(readClientMessage(JSON.stringify({ type: 'open', log: 'a', since }))).toEqual({
      type: 'open',
      log: 'a',
      since,
    });
    expect(readClientMessage('{"type":"severity","name":"debug","on":true,"node":"*"}')).toMatchObject({ node: '*' });
  });

  it('is answered with its ref when it is wrong', () => {
    expect(readClientMessage('{"type":"open","ref":"7"}')).toMatchObject({ type: 'error', ref: '7' });
  });

  it('never makes the reader fail', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        expect(readClientMessage(text)).toHaveProperty('type');
      }),
    );
  });
});
