import { describe, expect, it } from 'vitest';
import {
  BrokerClosedError,
  type Broker,
  type PresenceCapability,
  type PresenceMember,
} from '../../src/broker/broker.ts';
import {
  participant,
  participants,
  settled,
  type MakeBrokerCluster,
  type Participant,
} from '../support/broker-cluster.ts';

const room = '/websocket/chat';

function presenceOf({ broker }: { readonly broker: Broker }): PresenceCapability {
  if (broker.presence === undefined) throw new Error('this broker has no presence');
  return broker.presence;
}

async function allMembers(one: Participant, name: string, limit = 100): Promise<PresenceMember[]> {
  const members: PresenceMember[] = [];
  let cursor: string | undefined;
  do {
    const page = await presenceOf(one).members(name, limit, cursor);
    expect(page.members.length).toBeLessThanOrEqual(limit);
    members.push(...page.members);
    cursor = page.cursor;
  } while (cursor !== undefined);
  return members;
}

function byId(members: readonly PresenceMember[]): PresenceMember[] {
  return members.toSorted((a, b) => (a.connectionId < b.connectionId ? -1 : 1));
}

/** What src/broker/broker.ts promises of every broker that has presence. */
export function presenceContract(makeCluster: MakeBrokerCluster): void {
  describe('presence', () => {
    it('tells subscribed brokers, the own one included, who joins, changes and leaves', async () => {
      await using cluster = await makeCluster();
      const all = await participants(cluster, 3);
      const [own, other, stranger] = all as [Participant, Participant, Participant];
      await own.broker.subscribe([room]);
      await other.broker.subscribe([room]);
      await stranger.broker.subscribe(['another']);

      const presence = presenceOf(own);
      await presence.enter(room, { connectionId: 'a.1', info: '{"nick":"Ann"}' });
      await presence.enter(room, { connectionId: 'a.1', info: '{"nick":"Åsa 🔔"}' });
      await presence.leave(room, 'a.1');
      await settled(all);

      const expected = [
        { subscription: room, type: 'join', member: { connectionId: 'a.1', info: '{"nick":"Ann"}' } },
        { subscription: room, type: 'update', member: { connectionId: 'a.1', info: '{"nick":"Åsa 🔔"}' } },
        { subscription: room, type: 'leave', member: { connectionId: 'a.1', info: '{"nick":"Åsa 🔔"}' } },
      ];
      expect(own.sink.events).toEqual(expected);
      expect(other.sink.events).toEqual(expected);
      expect(stranger.sink.events).toEqual([]);
    });

    it('tells nothing where nothing changed', async () => {
      await using cluster = await makeCluster();
      const one = await participant(cluster);
      await one.broker.subscribe([room]);
      const presence = presenceOf(one);
      await presence.enter(room, { connectionId: 'a', user: 'ann', info: '{}' });
      await presence.enter(room, { connectionId: 'a', user: 'ann', info: '{}' });
      await presence.enter(room, { connectionId: 'a', user: 'bob', info: '{}' });
      await presence.enter(room, { connectionId: 'a', user: 'bob' });
      await presence.enter(room, { connectionId: 'a', user: 'bob' });
      await settled([one]);
      expect(one.sink.events.map(({ type, member }) => [type, member])).toEqual([
        ['join', { connectionId: 'a', user: 'ann', info: '{}' }],
        ['update', { connectionId: 'a', user: 'bob', info: '{}' }],
        ['update', { connectionId: 'a', user: 'bob' }],
      ]);
    });

    it('takes it well when somebody leaves who is not there', async () => {
      await using cluster = await makeCluster();
      const one = await participant(cluster);
      await one.broker.subscribe([room]);
      await presenceOf(one).leave(room, 'nobody');
      await presenceOf(one).enter(room, { connectionId: 'a' });
      await presenceOf(one).leave(room, 'nobody');
      await presenceOf(one).leave('another', 'a');
      await settled([one]);
      expect(one.sink.events.map(({ type }) => type)).toEqual(['join']);
    });

    it('keeps subscriptions apart, and works without being subscribed', async () => {
      await using cluster = await makeCluster();
      const all = await participants(cluster, 2);
      const [one, other] = all as [Participant, Participant];
      await presenceOf(one).enter('a', { connectionId: '1' });
      await presenceOf(one).enter('b', { connectionId: '2' });
      await presenceOf(other).enter('b', { connectionId: '3' });
      await settled(all);
      expect(await allMembers(other, 'a')).toEqual([{ connectionId: '1' }]);
      expect(byId(await allMembers(one, 'b'))).toEqual([{ connectionId: '2' }, { connectionId: '3' }]);
      expect(await presenceOf(one).members('c', 10)).toEqual({ members: [] });
      expect(one.sink.events).toEqual([]);
    });

    it('ends the events with the subscription, at the call', async () => {
      await using cluster = await makeCluster();
      const all = await participants(cluster, 2);
      const [one, other] = all as [Participant, Participant];
      await one.broker.subscribe([room]);
      const entered = presenceOf(other).enter(room, { connectionId: 'a' });
      const left = one.broker.unsubscribe([room]);
      await Promise.all([entered, left]);
      await settled(all);
      expect(one.sink.events).toEqual([]);
    });

    it('carries out the calls of one broker in their order', async () => {
      await using cluster = await makeCluster();
      const one = await participant(cluster);
      const presence = presenceOf(one);
      const [, entered, , left] = await Promise.all([
        presence.enter(room, { connectionId: 'a' }),
        presence.members(room, 10),
        presence.leave(room, 'a'),
        presence.members(room, 10),
      ]);
      expect(entered).toEqual({ members: [{ connectionId: 'a' }] });
      expect(left).toEqual({ members: [] });
    });

    it('lists members in the order in which they came, the same to all, whatever they say later', async () => {
      await using cluster = await makeCluster();
      const all = await participants(cluster, 2);
      const ids = Array.from({ length: 12 }, (_, index) => `c${index}`);
      for (const [index, connectionId] of ids.entries())
        await presenceOf(all[index % 2] as Participant).enter(room, { connectionId });
      await presenceOf(all[1] as Participant).enter(room, { connectionId: 'c3', info: 'changed' });
      await presenceOf(all[0] as Participant).leave(room, 'c0');
      await presenceOf(all[0] as Participant).enter(room, { connectionId: 'c0' });
      for (const one of all) {
        const listed = await allMembers(one, room, 5);
        expect(listed.map(({ connectionId }) => connectionId)).toEqual([...ids.slice(1), 'c0']);
      }
    });

    it('pages through all members, each once, at most so many a page', async () => {
      await using cluster = await makeCluster();
      const all = await participants(cluster, 2);
      const members = Array.from({ length: 25 }, (_, index) => ({ connectionId: `c${index}`, info: String(index) }));
      await Promise.all(members.map((member, index) => presenceOf(all[index % 2] as Participant).enter(room, member)));
      await settled(all);
      for (const limit of [1, 7, 25, 1_000]) {
        expect(byId(await allMembers(all[0] as Participant, room, limit))).toEqual(byId(members));
      }
      const last = await presenceOf(all[0] as Participant).members(room, 25);
      expect(last.cursor).toBeUndefined();
    });

    it('shows who is there throughout exactly once, whoever comes and goes between two pages', async () => {
      await using cluster = await makeCluster();
      const one = await participant(cluster);
      const presence = presenceOf(one);
      for (let index = 0; index < 20; index++) await presence.enter(room, { connectionId: `c${index}` });

      const first = await presence.members(room, 5);
      for (const { connectionId } of first.members.slice(1)) await presence.leave(room, connectionId);
      await presence.enter(room, { connectionId: 'c19', info: 'changed' });
      await presence.enter(room, { connectionId: 'new' });
      const seen = [...first.members];
      for (let { cursor } = first; cursor !== undefined;) {
        const page = await presence.members(room, 5, cursor);
        seen.push(...page.members);
        cursor = page.cursor;
      }

      const ids = seen.map(({ connectionId }) => connectionId);
      expect(new Set(ids).size).toBe(ids.length);
      for (let index = 0; index < 20; index++) expect(ids).toContain(`c${index}`);
    });

    it('gives a true roster to who subscribes, reads the members and then follows the events', async () => {
      await using cluster = await makeCluster();
      const all = await participants(cluster, 2);
      const [watcher, busy] = all as [Participant, Participant];
      const presence = presenceOf(busy);
      for (let round = 0; round < 20; round++) {
        const name = `round ${round}`;
        const changes: Promise<void>[] = [];
        const change = (index: number): void => {
          const connectionId = `c${index % 17}`;
          changes.push(
            index % 3 === 2
              ? presence.leave(name, connectionId)
              : presence.enter(name, { connectionId, info: `${index}` }),
          );
        };
        for (let index = 0; index < 40; index++) change(index);
        const subscribed = watcher.broker.subscribe([name]);
        for (let index = 40; index < 80; index++) change(index);
        await subscribed;
        const page = presenceOf(watcher).members(name, 1_000);
        for (let index = 80; index < 200; index++) change(index);
        const { members } = await page;
        const told = watcher.sink.events.length;
        await Promise.all(changes);
        await settled(all);

        const roster = new Map(members.map((member) => [member.connectionId, member]));
        for (const { type, member } of watcher.sink.events.slice(told)) {
          if (type === 'leave') roster.delete(member.connectionId);
          else roster.set(member.connectionId, member);
        }
        expect(byId([...roster.values()])).toEqual(byId(await allMembers(watcher, name)));
      }
    });

    it('removes the members of a broker that closes, and says so', async () => {
      await using cluster = await makeCluster();
      const all = await participants(cluster, 2);
      const [leaving, staying] = all as [Participant, Participant];
      await staying.broker.subscribe([room]);
      await presenceOf(leaving).enter(room, { connectionId: 'a', user: 'ann' });
      await presenceOf(leaving).enter('another', { connectionId: 'a', user: 'ann' });
      await presenceOf(staying).enter(room, { connectionId: 'b' });
      await leaving.broker.close();
      await settled([staying]);

      expect(await allMembers(staying, room)).toEqual([{ connectionId: 'b' }]);
      expect(await allMembers(staying, 'another')).toEqual([]);
      expect(staying.sink.events.at(-1)).toEqual({
        subscription: room,
        type: 'leave',
        member: { connectionId: 'a', user: 'ann' },
      });
      expect(leaving.sink.events).toEqual([]);
    });

    it('leaves a member alone that has since been entered through another broker', async () => {
      await using cluster = await makeCluster();
      const all = await participants(cluster, 2);
      const [leaving, staying] = all as [Participant, Participant];
      await presenceOf(leaving).enter(room, { connectionId: 'a' });
      await presenceOf(staying).enter(room, { connectionId: 'a' });
      await leaving.broker.close();
      await settled([staying]);
      expect(await allMembers(staying, room)).toEqual([{ connectionId: 'a' }]);
    });

    it('counts connections and different users without listing them', async () => {
      await using cluster = await makeCluster();
      const all = await participants(cluster, 2);
      const [one, other] = all as [Participant, Participant];
      const expectStats = async (connections: number, users: number): Promise<void> => {
        for (const each of all) expect(await presenceOf(each).stats(room)).toEqual({ connections, users });
      };
      await expectStats(0, 0);

      await presenceOf(one).enter(room, { connectionId: 'a', user: 'ann' });
      await presenceOf(other).enter(room, { connectionId: 'b', user: 'ann', info: '{}' });
      await presenceOf(other).enter(room, { connectionId: 'c', user: '' });
      await presenceOf(one).enter(room, { connectionId: 'd' });
      await presenceOf(one).enter(room, { connectionId: 'e' });
      await presenceOf(one).enter('another', { connectionId: 'f', user: 'zoe' });
      await expectStats(5, 2);

      // Another user, none any more, one for the first time, the same with other information, gone.
      await presenceOf(one).enter(room, { connectionId: 'b', user: 'bob' });
      await presenceOf(other).enter(room, { connectionId: 'c' });
      await presenceOf(one).enter(room, { connectionId: 'd', user: 'bob' });
      await presenceOf(one).enter(room, { connectionId: 'a', user: 'ann', info: '{}' });
      await presenceOf(one).leave(room, 'e');
      await presenceOf(one).leave(room, 'nobody');
      await expectStats(4, 2);

      await other.broker.close();
      await settled([one]);
      expect(await presenceOf(one).stats(room)).toEqual({ connections: 3, users: 2 });

      for (const connectionId of ['a', 'b', 'd']) await presenceOf(one).leave(room, connectionId);
      expect(await presenceOf(one).stats(room)).toEqual({ connections: 0, users: 0 });
      expect(await presenceOf(one).stats('another')).toEqual({ connections: 1, users: 1 });
    });

    it('agrees in its counts with its pages, whatever happened before', async () => {
      await using cluster = await makeCluster();
      const all = await participants(cluster, 2);
      const changes: Promise<void>[] = [];
      for (let index = 0; index < 400; index++) {
        const presence = presenceOf(all[index % 2] as Participant);
        const connectionId = `c${(index * 7) % 31}`;
        const user = `u${(index * 5) % 11}`;
        if (index % 4 === 3) changes.push(presence.leave(room, connectionId));
        else changes.push(presence.enter(room, index % 5 === 0 ? { connectionId } : { connectionId, user }));
      }
      await Promise.all(changes);
      await settled(all);
      const members = await allMembers(all[0] as Participant, room);
      expect(await presenceOf(all[1] as Participant).stats(room)).toEqual({
        connections: members.length,
        users: new Set(members.flatMap(({ user }) => user ?? [])).size,
      });
    });

    it('rejects with BrokerClosedError after close', async () => {
      await using cluster = await makeCluster();
      const one = await participant(cluster);
      await one.broker.close();
      const presence = presenceOf(one);
      for (const call of [
        () => presence.enter(room, { connectionId: 'a' }),
        () => presence.leave(room, 'a'),
        () => presence.members(room, 10),
        () => presence.stats(room),
      ]) {
        await expect(call()).rejects.toBeInstanceOf(BrokerClosedError);
      }
    });
  });
}
