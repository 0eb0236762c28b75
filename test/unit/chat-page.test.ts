import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Member } from '../../src/apps/chat/chat-protocol.ts';
import { roomNameOf } from '../../src/apps/chat/page/room-name.ts';
import { linkify } from '../../src/apps/chat/page/linkify.ts';
import { describePresence, type PresenceChange } from '../../src/apps/chat/page/presence-notice.ts';
import { Roster } from '../../src/apps/chat/page/roster.ts';

describe('links in a text', () => {
  it.each([
    ['see https://example.org.', 'https://example.org'],
    ['(https://example.org/a)', 'https://example.org/a'],
    ['https://example.org/wiki/Bell_(instrument)', 'https://example.org/wiki/Bell_(instrument)'],
    ['HTTP://EXAMPLE.ORG?a=1&b=2#c!', 'HTTP://EXAMPLE.ORG?a=1&b=2#c'],
    ['"http://[::1]:80/x"', 'http://[::1]:80/x'],
  ])('%s holds %s', (text, href) => {
    expect(linkify(text).filter((piece) => piece.href)).toEqual([{ text: href, href }]);
  });

  it.each(['javascript:alert(1)', 'xhttps://a', 'https://', 'ftp://example.org', 'example.org', 'data:text/html,x'])(
    '%s holds none',
    (text) => {
      expect(linkify(text).every((piece) => piece.href === undefined)).toBe(true);
    },
  );

  it('lose nothing of the text, and are http or https', () => {
    const part = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('https://', 'http://a.b/', ')', '(', '.', ' '),
    );
    fc.assert(
      fc.property(fc.array(part), (parts) => {
        const text = parts.join('');
        const pieces = linkify(text);
        expect(pieces.map((piece) => piece.text).join('')).toBe(text);
        for (const { href } of pieces) if (href !== undefined) expect(new URL(href).protocol).toMatch(/^https?:$/);
      }),
    );
  });
});

describe('a run of comings and goings', () => {
  const join = (id: string, name: string): PresenceChange => ({ type: 'join', id, name });
  const leave = (id: string, name: string): PresenceChange => ({ type: 'leave', id, name });
  const rename = (id: string, before: string, name: string): PresenceChange => ({ type: 'rename', id, before, name });

  it.each([
    ['Anna joined', [join('1', 'Anna')]],
    ['Anna and Ben joined', [join('1', 'Anna'), join('2', 'Ben')]],
    ['Anna joined · Ben left', [join('1', 'Anna'), leave('2', 'Ben')]],
    ['5 people left', ['1', '2', '3', '4', '5'].map((id) => leave(id, id))],
    ['Anna came and went', [join('1', 'Anna'), leave('1', 'Anna')]],
    ['Anna reconnected', [leave('1', 'Anna'), join('2', 'Anna')]],
    ['Anna reconnected', [join('2', 'Anna'), leave('1', 'Anna')]],
    ['Anna joined', [join('1', '192.0.2.1'), rename('1', '192.0.2.1', 'Anna')]],
    ['Anna is now Anne', [rename('1', 'Anna', 'Ann'), rename('1', 'Ann', 'Anne')]],
    ['', [rename('1', 'Anna', 'Ann'), rename('1', 'Ann', 'Anna')]],
    ['Anna is now Ann · Ann left', [rename('1', 'Anna', 'Ann'), leave('1', 'Ann')]],
    ['Anna is now Ann · Ann reconnected', [rename('1', 'Anna', 'Ann'), leave('1', 'Ann'), join('2', 'Ann')]],
  ])('is put as "%s"', (words, changes) => {
    expect(describePresence(changes)).toBe(words);
  });
});

describe("the page's roster", () => {
  const member = (id: string, nick: string): Member => ({ id, nick, user: null, address: '192.0.2.1' });
  const names = (roster: Roster) => roster.sorted().map(({ nick }) => nick);

  it('has oneself first, then the others by name', () => {
    const roster = new Roster();
    roster.enter(member('me', 'Zoe'), [member('2', 'Ben'), member('1', 'Anna'), member('me', 'Zoe')], true);
    expect(names(roster)).toEqual(['Zoe', 'Anna', 'Ben']);
  });

  it('tells namesakes apart while they are here, and takes nobody who came back for two', () => {
    const roster = new Roster();
    roster.enter(member('me', 'Zoe'), [member('1', 'Anna'), member('2', 'Ben')], true);
    expect(roster.hasNamesake(member('2', 'Ben'))).toBe(false);
    expect(roster.hasNamesake(member('earlier', 'Ben'))).toBe(false);
    roster.apply({ type: 'join', member: member('3', 'Ben') });
    expect(roster.hasNamesake(member('2', 'Ben'))).toBe(true);
    expect(roster.hasNamesake(member('3', 'Ben'))).toBe(true);
  });

  it('takes an event twice without a second notice', () => {
    const roster = new Roster();
    roster.enter(member('me', 'Zoe'), [], true);
    const event = { type: 'join', member: member('1', 'Anna') } as const;
    expect(roster.apply(event)).toEqual({ type: 'join', id: '1', name: 'Anna' });
    expect(roster.apply(event)).toBeUndefined();
    expect(roster.apply({ type: 'leave', member: event.member })).toMatchObject({ type: 'leave' });
    expect(roster.apply({ type: 'leave', member: event.member })).toBeUndefined();
  });

  it('trusts an event that came while a list was under way more than the list', () => {
    const roster = new Roster();
    roster.enter(member('me', 'Zoe'), [member('1', 'Anna')], true);
    roster.expectUpdate();
    roster.apply({ type: 'leave', member: member('1', 'Anna') });
    roster.apply({ type: 'join', member: member('2', 'Ben') });
    roster.update([member('1', 'Anna'), member('me', 'Zoe')], true);
    expect(names(roster)).toEqual(['Zoe', 'Ben']);
  });

  it("does not take this page's earlier connection for somebody else", () => {
    const roster = new Roster();
    roster.enter(member('old', 'Zoe'), [], true);
    roster.enter(member('new', 'Zoe'), [member('old', 'Zoe'), member('new', 'Zoe')], true);
    expect(names(roster)).toEqual(['Zoe']);
    expect(roster.apply({ type: 'leave', member: member('old', 'Zoe') })).toBeUndefined();
  });
});

describe("the room's name", () => {
  it.each([
    ['/websocket/chat', 'chat'],
    ['/caf%C3%A9', 'café'],
    ['/caf%E9', 'caf%E9'],
    ['/', 'chat'],
  ])('of %s is %s', (url, name) => {
    expect(roomNameOf(url)).toBe(name);
  });
});
