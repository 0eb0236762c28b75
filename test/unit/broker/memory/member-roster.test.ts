import { describe, expect, it } from 'vitest';
import { MemberRoster } from '../../../../src/broker/memory/member-roster.ts';

function textRoster(): MemberRoster<string, string> {
  return new MemberRoster({
    isSame: (a, b) => a === b,
    bytesOf: (member) => member.length,
    userOf: (member) => member.split(' ')[1],
  });
}

describe('MemberRoster', () => {
  it('ends a page when its members come to 1 MiB', () => {
    const roster = textRoster();
    for (let index = 0; index < 5; index++) roster.enter('room', `c${index}`, 'x'.repeat(600 * 1024), 'owner');
    const first = roster.page('room', 100, '');
    expect(first.members).toHaveLength(2);
    expect(roster.page('room', 100, first.cursor ?? '').members).toHaveLength(2);
  });

  it('takes a limit below 1 as 1, so that paging comes to an end', () => {
    const roster = textRoster();
    roster.enter('room', 'a', 'a', 'owner');
    roster.enter('room', 'b', 'b', 'owner');
    for (const limit of [0, -1, Number.NaN]) expect(roster.page('room', limit, '').members).toEqual(['a']);
  });

  it('answers a cursor that it did not make with an empty last page', () => {
    const roster = textRoster();
    roster.enter('room', 'a', 'a', 'owner');
    expect(roster.page('room', 10, 'made up')).toEqual({ members: [] });
    expect(roster.page('room', 10, '99')).toEqual({ members: [] });
  });

  it('counts its members', () => {
    const roster = textRoster();
    roster.enter('room', 'a', '1', 'one');
    roster.enter('room', 'a', '2', 'one');
    roster.enter('room', 'b', '3', 'two');
    roster.enter('other', 'b', '4', 'two');
    expect(roster.size).toBe(3);
    roster.leave('room', 'nobody');
    roster.leave('room', 'a');
    expect(roster.size).toBe(2);
    expect(roster.removeOwner('two')).toEqual([
      { name: 'room', member: '3' },
      { name: 'other', member: '4' },
    ]);
    expect(roster.size).toBe(0);
  });

  it('counts the users of a room, each once, and lets go of a room that is empty', () => {
    const roster = textRoster();
    expect(roster.stats('room')).toEqual({ connections: 0, users: 0 });
    roster.enter('room', 'a', '1 ann', 'one');
    roster.enter('room', 'b', '2 ann', 'one');
    roster.enter('room', 'c', '3', 'two');
    expect(roster.stats('room')).toEqual({ connections: 3, users: 1 });
    roster.enter('room', 'b', '2 bob', 'one');
    expect(roster.stats('room')).toEqual({ connections: 3, users: 2 });
    roster.removeOwner('one');
    expect(roster.stats('room')).toEqual({ connections: 1, users: 0 });
    roster.leave('room', 'c');
    expect(roster.stats('room')).toEqual({ connections: 0, users: 0 });
  });
});
