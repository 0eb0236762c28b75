import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { describe, expect, it } from 'vitest';
import { handshakeRequest, RawClient } from '../support/raw-client.ts';
import { TestClient } from '../support/test-client.ts';

interface Example extends AsyncDisposable {
  readonly url: string;
}

/** Runs an example as its own comment says, on a free port; its first line is its address. */
async function startExample(file: string): Promise<Example> {
  const child: ChildProcess = spawn(process.execPath, [file], {
    cwd: new URL('../../examples/', import.meta.url),
    env: { ...process.env, PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (child.stdout === null) throw new Error('no standard output');
  const [url] = (await once(createInterface(child.stdout), 'line')) as [string];
  return {
    url,
    async [Symbol.asyncDispose]() {
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    },
  };
}

/** Clients that leave in the middle of whatever they began. */
async function rudeGuests(port: number, path: string): Promise<void> {
  const starts = [
    handshakeRequest(path),
    `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf`,
    handshakeRequest('//['),
  ];
  for (let i = 0; i < 30; i++) {
    for (const start of starts) {
      await using guest = await RawClient.connect(port);
      guest.write(start, i % 2 === 0 ? [0x88, 0x80, 0, 0, 0, 0] : []);
      guest.socket.resetAndDestroy();
      await guest.ended;
    }
  }
}

describe('the examples', () => {
  it('chat: everybody hears what everybody else says', async () => {
    await using example = await startExample('chat.mjs');
    await using ann = await TestClient.open(example.url);
    expect(await ann.next()).toBe('Welcome!');
    const bob = await TestClient.open(example.url);
    expect(await bob.next()).toBe('Welcome!');
    ann.send('hello');
    expect(await bob.next()).toBe('127.0.0.1: hello');
    await bob[Symbol.asyncDispose]();
    expect(await ann.next()).toBe('127.0.0.1 left');
    await rudeGuests(Number(new URL(example.url).port), '/');
    await using cat = await TestClient.open(example.url);
    expect(await cat.next()).toBe('Welcome!');
  });

  it('dashboard feed: what the backend posts reaches every dashboard, and the last figure those that come later', async () => {
    await using example = await startExample('dashboard-feed.mjs');
    const dashboards = `${example.url.replace('http', 'ws')}/orders`;
    await using early = await TestClient.open(dashboards);
    const post = async (figure: string): Promise<number> =>
      (await fetch(`${example.url}/orders`, { method: 'POST', body: figure })).status;
    expect(await post('{"open":1}')).toBe(204);
    expect(await early.next()).toBe('{"open":1}');
    await using late = await TestClient.open(dashboards);
    expect(await late.next()).toBe('{"open":1}');
    late.send('mine!');
    expect(await late.closed).toEqual({ code: 1008, reason: 'this feed takes no messages' });
    expect((await fetch(`${example.url}/nothing`)).status).toBe(404);
    await rudeGuests(Number(new URL(example.url).port), '/orders');
    expect(await post('{"open":2}')).toBe(204);
    expect(await early.next()).toBe('{"open":2}');
  });
});
