import { once } from 'node:events';
import { Agent, get } from 'node:http';
import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import type { DrainProgress } from '../../src/server/node-drain.ts';
import { ChatFollower } from '../support/chat-follower.ts';
import { expectNothingLost, faultConfig } from '../support/fault-rooms.ts';
import { measureFault } from '../support/measure-fault.ts';
import { RawClient, handshakeRequest } from '../support/raw-client.ts';
import { startNodes } from '../support/start-nodes.ts';
import { startProduct, type Product } from '../support/start-product.ts';
import { startRedis } from '../support/start-redis.ts';
import { TestClient } from '../support/test-client.ts';
import { until } from '../support/until.ts';

const hint = /^restarting; reconnect in \d+ ms$/;

function openClients(product: Product, count: number): Promise<TestClient[]> {
  return Promise.all(Array.from({ length: count }, () => TestClient.open(product.socketUrl('/echo'))));
}

function publicPort(product: Product): number {
  return Number(new URL(product.url('/')).port);
}

async function order(product: Product): Promise<DrainProgress> {
  const response = await fetch(product.operationsUrl('/drain'), { method: 'POST' });
  expect(response.status).toBe(202);
  return (await response.json()) as DrainProgress;
}

/** Whether somebody still listens on the public port. */
async function isListening(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

describe('a drain', () => {
  it('closes connection after connection with 1012 and a hint, and serves the others meanwhile', async () => {
    await using product = await startProduct({ drain: { period: 3 } });
    const clients = await openClients(product, 40);
    const left = new Set(clients);
    const order: number[] = [];
    for (const [index, client] of clients.entries()) {
      void client.closed.then(() => {
        left.delete(client);
        order.push(index);
      });
    }
    product.signal('SIGTERM');
    for (const most of [35, 20, 5]) {
      await until(() => left.size <= most);
      const [client] = [...left].slice(-1);
      if (client === undefined) throw new Error('all were closed at once');
      client.send('still here');
      // It may be the next one to be closed.
      await Promise.race([client.next(), client.closed]);
    }
    const closes = await Promise.all(clients.map(({ closed }) => closed));
    for (const { code, reason } of closes) {
      expect(code).toBe(1012);
      expect(reason).toMatch(hint);
    }
    expect(order).not.toEqual([...clients.keys()]);
    expect(await product.exited).toEqual({ code: 0, signal: null });
    expect(product.stderr).toBe('');
  });

  it('turns readiness red at once, and accepts until the delay is over', async () => {
    await using product = await startProduct({ drain: { delay: 600 } });
    await using client = await TestClient.open(product.socketUrl('/echo'));
    product.signal('SIGTERM');
    const { state, reasons } = await until(async () => {
      const readiness = await product.readiness();
      return !readiness.ready && readiness;
    });
    expect([state, reasons]).toEqual(['draining', ['the node is draining']]);
    expect(await product.metric('carillon_draining')).toBe(1);
    await using late = await TestClient.open(product.socketUrl('/echo'));
    for (const one of [client, late]) {
      one.send('served');
      expect(await one.next()).toBe('served');
    }
    product.signal('SIGINT');
    await product.exited;
  });

  it('refuses whoever comes after the delay, and does not wait when all have left', async () => {
    // One worker: another one without clients would end, and the connection that asks with it.
    await using product = await startProduct({ drain: { delay: 0.3, period: 600 }, workers: 1 });
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const askForPage = async (): Promise<{ status: number | undefined; retryAfter: string | undefined }> => {
      const [answer] = await once(get(product.url('/chat'), { agent, headers: { Accept: 'text/html' } }), 'response');
      answer.resume();
      await once(answer, 'end');
      return { status: answer.statusCode, retryAfter: answer.headers['retry-after'] };
    };
    expect((await askForPage()).status).toBe(200);
    const clients = await openClients(product, 10);
    product.signal('SIGTERM');
    const refused = await until(async () => {
      const answer = await askForPage();
      return answer.status !== 200 && answer;
    });
    expect(refused.status).toBe(503);
    expect(Number(refused.retryAfter)).toBeGreaterThanOrEqual(1);
    agent.destroy();
    await until(async () => !(await isListening(publicPort(product))));
    expect(clients.some(({ webSocket }) => webSocket.readyState === webSocket.OPEN)).toBe(true);
    for (const client of clients) client.webSocket.close();
    expect(await product.exited).toEqual({ code: 0, signal: null });
  });

  it('answers a connection from before that has not asked for anything yet, and does not wait for it for ever', async () => {
    await using product = await startProduct({ drain: { period: 0 }, workers: 1 });
    const port = publicPort(product);
    await using asking = await RawClient.connect(port);
    await using silent = await RawClient.connect(port);
    // Accepted in order, so both have been.
    await openClients(product, 1);
    await order(product);
    // The other one has long been closed by then.
    await until(async () => (await order(product)).elapsed >= 0.5);
    expect(await isListening(port)).toBe(false);
    asking.write(handshakeRequest('/echo'));
    const answer = await asking.answer();
    expect(answer).toContain(' 503 ');
    expect(answer).toMatch(/^Retry-After: \d+\r$/m);
    expect(await product.exited).toEqual({ code: 0, signal: null });
    expect(product.stderr).toBe('');
    expect(await product.errors()).toEqual([]);
    await silent.ended;
  });

  it('does not wait where there is nobody', async () => {
    await using product = await startProduct({ drain: { period: 3600 } });
    expect(await product.stop()).toEqual({ code: 0, signal: null });
  });

  it('is bounded where a client does not take its leave', async () => {
    await using product = await startProduct({ drain: { period: 0.2 }, closeTimeoutMs: 200 });
    await using silent = await RawClient.open(publicPort(product), '/echo');
    expect(await product.stop()).toEqual({ code: 0, signal: null });
    await silent.ended;
  });

  it.each([0, 1])('works with %i workers', async (workers) => {
    await using product = await startProduct({ drain: { period: 0.5 }, workers });
    const clients = await openClients(product, 5);
    expect(await product.stop()).toEqual({ code: 0, signal: null });
    for (const { closed } of clients) expect((await closed).reason).toMatch(hint);
  });

  it('replaces nobody who dies', async () => {
    await using product = await startProduct({ drain: { period: 600 } });
    const clients = await openClients(product, 10);
    product.signal('SIGTERM');
    await Promise.race(clients.map(({ closed }) => closed));
    const pids = await product.workerPids();
    for (const pid of pids.values()) process.kill(pid, 'SIGKILL');
    expect(await product.exited).toEqual({ code: 0, signal: null });
    const [, since] = (await product.logged()).split('"event":"drain-requested"');
    expect(since).toContain('"event":"worker-ended"');
    expect(since).not.toContain('"event":"worker-listening"');
  });

  it('is ended by a second signal', async () => {
    await using product = await startProduct({ drain: { period: 600 } });
    const clients = await openClients(product, 10);
    product.signal('SIGTERM');
    await Promise.race(clients.map(({ closed }) => closed));
    product.signal('SIGTERM');
    expect(await product.exited).toEqual({ code: 143, signal: null });
    const codes = await Promise.all(clients.map(async ({ closed }) => (await closed).code));
    expect(codes).toContain(1006);
  });
});

describe('POST /drain', () => {
  it('says what will happen, and later how far it is', async () => {
    await using product = await startProduct({ drain: { delay: 0.5, period: 600 } });
    const clients = await openClients(product, 10);
    await until(async () => (await product.metric('carillon_connections')) === 10);
    const first = await order(product);
    expect(first).toMatchObject({ state: 'waiting', delay: 0.5, period: 600, connections: 10, left: 10 });
    expect(first.message).toMatch(
      /^new connections are refused in 0\.\d s; then 10 connections are closed over 600 s, and the node ends$/,
    );
    await Promise.race(clients.map(({ closed }) => closed));
    const later = await until(async () => {
      const progress = await order(product);
      return progress.left < 10 && progress;
    });
    expect(later).toMatchObject({ state: 'closing', connections: 10 });
    expect(later.message).toMatch(/^new connections are refused; [89] connections are closed within /);
    for (const client of clients) client.webSocket.close();
    expect(await product.exited).toEqual({ code: 0, signal: null });
    expect(await product.logged()).toContain('"event":"drain-requested","by":"POST /drain"');
  });

  it('is not done by other methods, nor for web pages', async () => {
    await using product = await startProduct();
    const url = product.operationsUrl('/drain');
    for (const method of ['GET', 'HEAD', 'PUT', 'DELETE']) {
      const response = await fetch(url, { method });
      expect([response.status, response.headers.get('allow')]).toEqual([405, 'POST']);
    }
    expect((await fetch(product.operationsUrl('/ready'), { method: 'POST' })).status).toBe(405);
    const ofPage = await fetch(url, { method: 'POST', headers: { Origin: 'https://example.org' } });
    expect([ofPage.status, await ofPage.text()]).toEqual([
      403,
      'not for web pages: the request has an Origin header\n',
    ]);
    expect((await product.readiness()).ready).toBe(true);
  });

  it('is gone on with by a first SIGTERM, and cut short by a SIGINT', async () => {
    await using product = await startProduct({ drain: { period: 600 } });
    const clients = await openClients(product, 10);
    await order(product);
    await Promise.race(clients.map(({ closed }) => closed));
    product.signal('SIGTERM');
    // Both have got there once this is answered: the drain goes on.
    expect((await order(product)).state).toBe('closing');
    expect(clients.filter(({ webSocket }) => webSocket.readyState === webSocket.OPEN).length).toBeGreaterThan(5);
    for (const client of clients) client.webSocket.close();
    expect(await product.exited).toEqual({ code: 0, signal: null });

    await using other = await startProduct({ drain: { period: 600 } });
    const others = await openClients(other, 10);
    await order(other);
    await Promise.race(others.map(({ closed }) => closed));
    other.signal('SIGINT');
    expect(await other.exited).toEqual({ code: 0, signal: null });
    const codes = await Promise.all(others.map(async ({ closed }) => (await closed).code));
    expect(new Set(codes)).toEqual(new Set([1001, 1012]));
  });
});

describe('a drain of one of two nodes', () => {
  it('loses and doubles nothing under constant publishing, where there is history', async () => {
    await using redis = await startRedis();
    await using nodes = await startNodes(redis, {
      config: faultConfig({ url: redis.url }, ['drain'], { drain: { period: 1.5 } }),
    });
    await using follower = new ChatFollower(() => nodes.products.map((product) => product.socketUrl('/kept-drain')));
    const [report] = await measureFault('a drain', nodes.products, [{ url: '/kept-drain', keeps: true }], async () => {
      // It is on the first one, and finds its way to the other by what the first one says.
      await until(() => follower.texts.length > 0);
      expect(await nodes.node(1).stop()).toEqual({ code: 0, signal: null });
    });
    if (report === undefined) throw new Error('one room was measured');
    expectNothingLost(report);
    await until(() => follower.texts.length >= report.accepted - follower.before);
    expect(follower.ends).toEqual([expect.stringMatching(/^1012 restarting; reconnect in \d+ ms$/)]);
    expect(new Set(follower.texts).size).toBe(follower.texts.length);
    expect(follower.texts.length).toBe(report.accepted - follower.before);
    expect(follower.recoveries).toEqual([true]);
  }, 90_000);
});
