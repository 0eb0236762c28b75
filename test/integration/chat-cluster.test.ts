import { describe, expect, it } from 'vitest';
import { ChatClient } from '../support/chat-client.ts';
import { ReturningChatClient } from '../support/returning-chat-client.ts';
import { startNodes } from '../support/start-nodes.ts';
import { startRedis } from '../support/start-redis.ts';
import { until } from '../support/until.ts';

describe('a room on two nodes', () => {
  it('is one room: who is here, what is said, and what somebody missed who comes back to the other node', async () => {
    await using redis = await startRedis();
    await using nodes = await startNodes(redis);
    const [one, two] = [nodes.node(1), nodes.node(2)].map((node) => node.socketUrl('/chat')) as [string, string];
    await using anna = await ChatClient.open(one, 'Anna');
    await using ben = await ChatClient.open(two, 'Ben');
    expect([anna.welcome.node, ben.welcome.node]).toEqual(['node-1', 'node-2']);
    expect(new Set(ben.welcome.members)).toEqual(new Set([anna.self, ben.self]));
    expect(await anna.nextOf('join')).toMatchObject({ member: ben.self });

    await using cleo = new ReturningChatClient();
    await cleo.come(one);
    cleo.say('one');
    expect(await ben.texts(1)).toEqual(['one']);
    await cleo.vanish();
    expect(await ben.nextOf('leave')).toMatchObject({ member: { nick: null } });
    for (const text of ['two', 'three']) {
      ben.send({ type: 'message', text });
      await ben.nextOf('sent');
    }
    await cleo.come(two);
    anna.send({ type: 'message', text: 'four' });
    while (cleo.heard.length < 3) await cleo.take();
    expect(cleo.recoveries).toEqual([true]);
    expect(cleo.known).toEqual(['one', 'two', 'three', 'four']);
    expect(await anna.texts(3)).toEqual(['one', 'two', 'three']);
  });

  it('loses nobody and nothing when a worker is killed while everybody speaks', async () => {
    await using redis = await startRedis();
    await using nodes = await startNodes(redis, { redis: { presenceTtl: 5 } });
    const urls = nodes.products.map((node) => node.socketUrl('/chat'));
    await using observer = await ChatClient.open(urls[1] ?? '');
    const victim = nodes.node(1);
    const clients = Array.from({ length: 4 }, () => new ReturningChatClient());
    await Promise.all(clients.map((client) => client.come(urls[0] ?? '')));
    for (let round = 0; round < 5; round++) clients.forEach((client, index) => client.say(`${index}.${round}`));
    for (const pid of (await victim.workerPids()).values()) process.kill(pid, 'SIGKILL');
    // Some of it was accepted, some of it not, and nobody was told.
    await Promise.all(clients.map((client) => client.vanish()));
    await Promise.all(clients.map((client) => client.come(urls[1] ?? '')));
    for (const client of clients) client.say('after');
    const said = await observer.texts(4 * 6);
    for (const client of clients) {
      while (client.heard.length < 3 * 6 || !client.isConfirmed) await client.take();
      expect(client.known).toEqual(said);
      expect(client.recoveries).toEqual([true]);
    }
    // Those whose worker was killed are gone within the time that the brokers' documentation states.
    await until(
      async () => {
        observer.send({ type: 'members' });
        return (await observer.nextOf('members')).members.length === 5;
      },
      { deadlineMs: 60_000, everyMs: 500, what: 'the members are those who are here' },
    );
    await Promise.all(clients.map((client) => client[Symbol.asyncDispose]()));
  });

  it('closes the gap when Redis was away, and tells everybody to look again who is here', async () => {
    await using redis = await startRedis({ args: ['--appendonly', 'yes', '--appendfsync', 'always'] });
    await using nodes = await startNodes(redis);
    const [one, two] = [nodes.node(1), nodes.node(2)].map((node) => node.socketUrl('/chat')) as [string, string];
    await using anna = await ChatClient.open(one, 'Anna');
    await using ben = await ChatClient.open(two, 'Ben');
    anna.send({ type: 'message', text: 'one' });
    expect(await ben.texts(1)).toEqual(['one']);
    await redis.restart();
    // Until one is accepted, which is once however often it is sent.
    await until(
      async () => {
        anna.send({ type: 'message', text: 'two', id: 'm2', ref: 'm2' });
        for (;;) {
          const answer = await anna.next();
          if ('ref' in answer && answer.ref === 'm2') return answer.type === 'sent';
        }
      },
      { deadlineMs: 30_000, everyMs: 100, what: 'Redis takes messages again' },
    );
    const heard: string[] = [];
    while (!heard.includes('two') || !heard.includes('stale')) {
      const message = await ben.next();
      if (message.type === 'message') heard.push(message.text);
      if (message.type === 'gap' || message.type === 'stale') heard.push(message.type);
    }
    expect(heard.filter((one) => one !== 'stale')).toEqual(['two']);
    ben.send({ type: 'members' });
    expect(new Set((await ben.nextOf('members')).members)).toEqual(new Set([anna.self, ben.self]));
  });
});
