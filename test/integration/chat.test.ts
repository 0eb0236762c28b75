import { describe, expect, it } from 'vitest';
import { BrokerUnavailableError } from '../../src/broker/broker.ts';
import { MemoryBroker } from '../../src/broker/memory/memory-broker.ts';
import type { MemoryExchange } from '../../src/broker/memory/memory-exchange.ts';
import { silentLog, type LogFields } from '../../src/lib/log.ts';
import { ChatClient } from '../support/chat-client.ts';
import { deferred, type Deferred } from '../support/deferred.ts';
import { startChat } from '../support/start-chat.ts';
import { TestClient } from '../support/test-client.ts';
import { until } from '../support/until.ts';

/** Counts the readings of members, and holds them up. */
class Readings {
  count = 0;
  isDown = false;
  #held: Promise<undefined> | undefined;

  watch(broker: MemoryBroker): MemoryBroker {
    const members = broker.presence.members.bind(broker.presence);
    broker.presence.members = async (name, limit, cursor) => {
      this.count++;
      if (this.isDown) throw new BrokerUnavailableError('down');
      await this.#held;
      return await members(name, limit, cursor);
    };
    return broker;
  }

  hold(): Deferred<undefined> {
    const held = deferred<undefined>();
    this.#held = held.promise;
    return held;
  }
}

describe('plain clients of a room', () => {
  it('send text to all others, with their address in front and in order', async () => {
    await using chat = await startChat();
    const [one, two] = chat.workers;
    await using anna = await TestClient.open(`${one.origin}/chat`);
    await using ben = await TestClient.open(`${two.origin}/chat`);
    await using cleo = await TestClient.open(`${one.origin}/chat`);
    await until(async () => (await one.gateway.presence('/chat', 10)).members.length === 3);
    anna.send('one');
    anna.send('two\nlines');
    anna.send('');
    for (const other of [ben, cleo]) {
      expect(await other.take(3)).toEqual(['127.0.0.1: one', '127.0.0.1: two\nlines', '127.0.0.1: ']);
    }
    ben.send('back');
    expect(await anna.next()).toBe('127.0.0.1: back');
    expect(anna.unread).toEqual([]);
  });

  it('hear nothing from another room', async () => {
    await using chat = await startChat({ urls: ['/chat', '/other'] });
    const { origin, gateway } = chat.workers[0];
    await using anna = await TestClient.open(`${origin}/chat`);
    await using ben = await TestClient.open(`${origin}/other`);
    await using cleo = await TestClient.open(`${origin}/other`);
    await until(async () => (await gateway.presence('/other', 10)).members.length === 2);
    cleo.send('here');
    expect(await ben.next()).toBe('127.0.0.1: here');
    expect(anna.unread).toEqual([]);
  });

  it('get the first subprotocol they offer, unless they offer that of JSON', async () => {
    await using chat = await startChat();
    const url = `${chat.workers[0].origin}/chat`;
    await using plain = await TestClient.open(url, ['foo', 'bar']);
    expect(plain.webSocket.protocol).toBe('foo');
    await using json = await TestClient.open(url, ['foo', 'carillon.chat.v1']);
    expect(json.webSocket.protocol).toBe('carillon.chat.v1');
  });

  it('are closed with 1003 for binary and with 1009 for too much, and the others do not notice', async () => {
    await using chat = await startChat({ urls: ['/chat'], limits: { messageBytes: 100 } });
    const { origin, gateway } = chat.workers[0];
    await using binary = await TestClient.open(`${origin}/chat`);
    await using long = await TestClient.open(`${origin}/chat`);
    await using anna = await TestClient.open(`${origin}/chat`);
    await using ben = await TestClient.open(`${origin}/chat`);
    await until(async () => (await gateway.presence('/chat', 10)).members.length === 4);
    binary.send(Buffer.from('hello'));
    expect(await binary.closed).toEqual({ code: 1003, reason: expect.stringContaining('text only') });
    long.send('x'.repeat(101));
    expect(await long.closed).toMatchObject({ code: 1009 });
    anna.send('fine');
    expect(await ben.next()).toBe('127.0.0.1: fine');
  });
});

describe('clients that a room cannot let in', () => {
  it.each([
    ['the broker is away', () => new BrokerUnavailableError('away'), 1013, 'the room cannot be joined at the moment'],
    ['something is wrong', () => new TypeError('wrong'), 1011, 'internal error; this connection'],
  ])('are told why while %s, and the log says whom', async (_when, failure, code, reason) => {
    const errors: LogFields[] = [];
    const log = { ...silentLog, error: (fields: LogFields) => void errors.push(fields) };
    const makeBroker = (exchange: MemoryExchange): MemoryBroker => {
      const broker = new MemoryBroker(exchange);
      const subscribe = broker.subscribe.bind(broker);
      broker.subscribe = (names) => (names.includes('/chat') ? Promise.reject(failure()) : subscribe(names));
      return broker;
    };
    await using chat = await startChat(undefined, makeBroker, [], log);
    const url = `${chat.workers[0].origin}/chat`;
    for (const subprotocols of [[], ['carillon.chat.v1'], []]) {
      await using client = await TestClient.open(url, subprotocols);
      expect(await client.closed).toEqual({ code, reason: expect.stringContaining(reason) });
    }
    const logged = { event: 'chat-join-failed', room: '/chat', connection: expect.stringMatching(/\w\./) };
    expect(errors).toMatchObject([logged, logged, logged]);
  });
});

describe('JSON clients of a room', () => {
  it('are welcomed with who is here, on whichever worker', async () => {
    await using chat = await startChat();
    const [one, two] = chat.workers;
    await using anna = await ChatClient.open(`${one.origin}/chat`, ' Anna ');
    await using ben = await ChatClient.open(`${two.origin}/chat`);
    expect(anna.welcome).toMatchObject({
      nick: 'Anna',
      user: null,
      address: '127.0.0.1',
      room: '/chat',
      node: 'test-node',
      worker: 1,
      members: [anna.self],
      complete: true,
      limits: { nickCharacters: 32, textBytes: 65_536 },
    });
    expect(ben.welcome.worker).toBe(2);
    expect(new Set(ben.welcome.members)).toEqual(new Set([anna.self, ben.self]));
    expect(await anna.nextOf('join')).toMatchObject({ member: ben.self });
  });

  it('say something to all others and learn when it was accepted', async () => {
    await using chat = await startChat();
    const [one, two] = chat.workers;
    await using anna = await ChatClient.open(`${one.origin}/chat`, 'Anna');
    await using ben = await ChatClient.open(`${two.origin}/chat`, 'Ben');
    anna.send({ type: 'message', text: 'Hello\n<b>🔔</b>', ref: 'r1' });
    const sent = await anna.nextOf('sent');
    expect(sent.ref).toBe('r1');
    expect(await ben.nextOf('message')).toEqual({
      type: 'message',
      from: anna.self,
      text: 'Hello\n<b>🔔</b>',
      at: sent.at,
    });
    ben.send({ type: 'message', text: 'Hi' });
    // The first message that Anna hears is not her own.
    expect(await anna.nextOf('message')).toMatchObject({ text: 'Hi', from: ben.self });
    expect(await ben.nextOf('sent')).toMatchObject({ ref: null });
  });

  it('and plain ones understand each other', async () => {
    await using chat = await startChat();
    const [one, two] = chat.workers;
    await using anna = await ChatClient.open(`${one.origin}/chat`, 'Anna');
    await using plain = await TestClient.open(`${two.origin}/chat`);
    const { member } = await anna.nextOf('join');
    expect(member).toMatchObject({ nick: null, address: '127.0.0.1' });
    anna.send({ type: 'message', text: 'Hello' });
    expect(await plain.next()).toBe('127.0.0.1: Hello');
    plain.send('Hi');
    expect(await anna.nextOf('message')).toMatchObject({ from: member, text: 'Hi' });
    await using ben = await ChatClient.open(`${one.origin}/chat`, 'Ben');
    ben.send({ type: 'message', text: 'Me too' });
    // Comings and goings are not for plain clients.
    expect(await plain.next()).toBe('127.0.0.1: Me too');
  });

  it('see what another program publishes as from nobody', async () => {
    await using chat = await startChat();
    const [one, two] = chat.workers;
    await using anna = await ChatClient.open(`${one.origin}/chat`);
    await two.gateway.multicast('/chat', 'from a shell');
    expect(await anna.nextOf('message')).toMatchObject({ from: null, text: 'from a shell' });
    await two.gateway.multicast('all', 'to everybody');
    expect(await anna.nextOf('message')).toMatchObject({ from: null, text: 'to everybody' });
  });

  it('see who comes, takes another name, and goes', async () => {
    await using chat = await startChat();
    const [one, two] = chat.workers;
    await using anna = await ChatClient.open(`${one.origin}/chat`, 'Anna');
    const ben = await ChatClient.open(`${two.origin}/chat`);
    expect(await anna.nextOf('join')).toMatchObject({ member: ben.self });
    ben.send({ type: 'nick', nick: 'Ben', ref: 'n' });
    expect(await anna.nextOf('update')).toMatchObject({ member: { ...ben.self, nick: 'Ben' } });
    expect(await ben.nextOf('sent')).toMatchObject({ ref: 'n' });
    ben.send({ type: 'message', text: 'new name' });
    expect(await anna.nextOf('message')).toMatchObject({ from: { nick: 'Ben' } });
    anna.send({ type: 'members', ref: 'm' });
    expect(await anna.nextOf('members')).toMatchObject({ complete: true, ref: 'm', members: { length: 2 } });
    await ben[Symbol.asyncDispose]();
    expect(await anna.nextOf('leave')).toMatchObject({ member: { id: ben.self.id } });
  });

  it('may take a name in the same moment as they connect', async () => {
    await using chat = await startChat();
    const url = `${chat.workers[0].origin}/chat`;
    await using anna = await ChatClient.open(url);
    await using ben = await TestClient.open(url, ['carillon.chat.v1']);
    ben.send('{"type":"nick","nick":"Ben"}');
    expect(await anna.nextOf('update')).toMatchObject({ member: { nick: 'Ben' } });
  });

  it('are told what was wrong with a message, stay connected, and disturb nobody', async () => {
    await using chat = await startChat({ urls: ['/chat'], limits: { messageBytes: 100 } });
    const url = `${chat.workers[0].origin}/chat`;
    await using anna = await ChatClient.open(url);
    await using ben = await ChatClient.open(url);
    anna.client.send('Hello');
    expect(await anna.nextOf('error')).toMatchObject({ code: 'bad-json', field: null });
    anna.client.send(Buffer.from('{}'));
    expect(await anna.nextOf('error')).toMatchObject({ code: 'binary-message' });
    anna.send({ type: 'message', text: '\u0000'.repeat(101), ref: 'r' });
    expect(await anna.nextOf('error')).toMatchObject({ code: 'too-long', field: 'text', ref: 'r' });
    anna.send({ type: 'nick', nick: 'n'.repeat(33) });
    expect(await anna.nextOf('error')).toMatchObject({ code: 'too-long', field: 'nick' });
    anna.send({ type: 'message', text: 'fine' });
    expect(await ben.nextOf('message')).toMatchObject({ text: 'fine' });
    expect(ben.client.unread).toEqual([]);
  });

  it('are let in without a name when the one in the handshake is not allowed, and told why', async () => {
    await using chat = await startChat();
    await using anna = await ChatClient.open(`${chat.workers[0].origin}/chat`, 'n'.repeat(33));
    expect(anna.welcome.nick).toBeNull();
    expect(await anna.nextOf('error')).toMatchObject({ code: 'too-long', field: 'nick' });
  });

  it('learn that a message was not accepted when the broker is gone, and go on when it is back', async () => {
    let isDown = false;
    await using chat = await startChat({ urls: ['/chat'] }, (exchange) => {
      const broker = new MemoryBroker(exchange);
      const publish = broker.publish.bind(broker);
      broker.publish = (publication) =>
        isDown ? Promise.reject(new BrokerUnavailableError('down')) : publish(publication);
      return broker;
    });
    const url = `${chat.workers[0].origin}/chat`;
    await using anna = await ChatClient.open(url);
    await using plain = await TestClient.open(url);
    isDown = true;
    anna.send({ type: 'message', text: 'lost', ref: 'r' });
    expect(await anna.nextOf('error')).toMatchObject({ code: 'not-accepted', ref: 'r' });
    plain.send('lost too');
    isDown = false;
    anna.send({ type: 'message', text: 'back' });
    expect(await plain.next()).toBe('127.0.0.1: back');
  });

  it('cost one reading of the members for all who ask for them meanwhile', async () => {
    const readings = new Readings();
    await using chat = await startChat({ urls: ['/chat'] }, (exchange) => readings.watch(new MemoryBroker(exchange)));
    const url = `${chat.workers[0].origin}/chat`;
    await using anna = await ChatClient.open(url, 'Anna');
    const others = await Promise.all(Array.from({ length: 10 }, () => ChatClient.open(url)));
    for (let joins = 0; joins < 10; joins++) await anna.nextOf('join');
    const { count } = readings;

    const hold = readings.hold();
    anna.send({ type: 'members' });
    await until(() => readings.count === count + 1);
    // These share the next reading, whether they ask or join.
    for (const other of others) other.send({ type: 'members' });
    const joining = Array.from({ length: 10 }, () => ChatClient.open(url));
    for (let joins = 0; joins < 10; joins++) await anna.nextOf('join');
    for (const other of others) other.send({ type: 'message', text: 'after' });
    for (const other of others) await other.nextOf('sent');
    hold.resolve(undefined);
    const joined = await Promise.all(joining);
    for (const other of others) expect(await other.nextOf('members')).toMatchObject({ members: { length: 21 } });
    for (const { welcome } of joined) expect(welcome.members).toHaveLength(21);
    expect(readings.count).toBe(count + 2);
    await Promise.all([...others, ...joined].map((client) => client[Symbol.asyncDispose]()));
  });

  it('get one list at a time, however often they ask in one breath', async () => {
    const readings = new Readings();
    await using chat = await startChat({ urls: ['/chat'] }, (exchange) => readings.watch(new MemoryBroker(exchange)));
    const url = `${chat.workers[0].origin}/chat`;
    await using anna = await ChatClient.open(url);
    await using ben = await ChatClient.open(url);
    const { count } = readings;
    const hold = readings.hold();
    for (let ref = 0; ref < 2_600; ref++) anna.send({ type: 'members', ref: `${ref}` });
    for (let ref = 1; ref < 2_600; ref++) {
      expect(await anna.nextOf('error')).toMatchObject({ code: 'busy', field: null, ref: `${ref}` });
    }
    ben.send({ type: 'message', text: 'nobody else notices' });
    expect(await anna.nextOf('message')).toMatchObject({ text: 'nobody else notices' });
    hold.resolve(undefined);
    expect(await anna.nextOf('members')).toMatchObject({ ref: '0', members: { length: 2 } });
    expect(readings.count).toBe(count + 1);
    anna.send({ type: 'members', ref: 'again' });
    expect(await anna.nextOf('members')).toMatchObject({ ref: 'again' });
  });

  it('are told when the members cannot be read, and stay connected', async () => {
    const readings = new Readings();
    await using chat = await startChat({ urls: ['/chat'] }, (exchange) => readings.watch(new MemoryBroker(exchange)));
    await using anna = await ChatClient.open(`${chat.workers[0].origin}/chat`);
    readings.isDown = true;
    anna.send({ type: 'members', ref: 'r' });
    expect(await anna.nextOf('error')).toMatchObject({ code: 'not-accepted', ref: 'r' });
    readings.isDown = false;
    anna.send({ type: 'members' });
    expect(await anna.nextOf('members')).toMatchObject({ members: { length: 1 } });
  });

  it('find the welcome and what came around it to agree, however many come and go meanwhile', async () => {
    await using chat = await startChat();
    const urls = chat.workers.map(({ origin }) => `${origin}/chat`);
    const coming = Array.from({ length: 30 }, (_, index) => ChatClient.open(urls[index % 2] ?? '', `n${index}`));
    const clients = await Promise.all(coming);
    const gone = clients.filter((_, index) => index % 3 === 0);
    const staying = clients.filter((_, index) => index % 3 !== 0);
    await Promise.all(gone.map((client) => client[Symbol.asyncDispose]()));
    const expected = staying.map(({ self }) => self.id).sort();
    for (const client of staying) {
      const here = new Set(client.welcome.members.map(({ id }) => id));
      // What nobody ever came to know would make this wait for ever.
      while (JSON.stringify([...here].sort()) !== JSON.stringify(expected)) {
        const message = await client.next();
        if (message.type === 'leave') here.delete(message.member.id);
        if (message.type === 'join') here.add(message.member.id);
      }
    }
    await Promise.all(staying.map((client) => client[Symbol.asyncDispose]()));
  });
});
