import { describe, expect, it } from 'vitest';
import { mountSocketApp } from '../../src/apps/mount-socket-app.ts';
import { hashPassword } from '../../src/auth/password-hash.ts';
import { httpGet, tryHandshake } from '../support/http-get.ts';
import { startSite, type StartedSite } from '../support/start-site.ts';
import { TestClient } from '../support/test-client.ts';
import { until } from '../support/until.ts';
import type { AppOptions } from '../../src/apps/app-options.ts';

function startChat(options: Partial<AppOptions> = {}): Promise<StartedSite> {
  return startSite({
    mount: (context) =>
      mountSocketApp(
        context,
        '/chat',
        { urls: ['/chat'], ...options },
        {
          accept: (request, entry) => {
            const onMessage = (): void => {
              throw new Error('broken app');
            };
            const connection = context.gateway.handshake(request, { onMessage }, entry);
            if (connection !== undefined) context.gateway.send(connection, 'hello');
          },
        },
      ),
  });
}

async function line(site: StartedSite, index = 0): Promise<string> {
  await until(() => site.lines.length > index);
  return site.lines[index] ?? '';
}

describe('the access log', () => {
  it('has one line per request', async () => {
    await using site = await startChat();
    await httpGet(`${site.origin}/nowhere?token=secret`, {
      'User-Agent': 'curl/8 "quoted"',
      Referer: 'http://example.com/',
    });
    expect(await line(site)).toMatch(
      /^127\.0\.0\.1 - - \[\d\d\/\w{3}\/\d{4}(:\d\d){3} \+0000\] "GET \/nowhere\?token=\*\*\* HTTP\/1\.1" 404 11 "http:\/\/example\.com\/" "curl\/8 \\x22quoted\\x22" \d+ - [\w-]{12}\.\w+\n$/,
    );
    await httpGet(`${site.origin}/chat`, {}, { method: 'HEAD' });
    expect(await line(site, 1)).toContain('"HEAD /chat HTTP/1.1" 426 0 ');
  });

  it('has one line per connection, at its end, with what was sent and the close code', async () => {
    await using site = await startChat();
    const options = { headers: { 'User-Agent': 'test' }, origin: site.origin };
    await using client = await TestClient.open(`ws://127.0.0.1:${site.port}/chat`, [], options);
    await client.next();
    expect(site.lines).toEqual([]);
    client.webSocket.close(4321, 'bye');
    const text = await line(site);
    expect(text).toMatch(
      /^127\.0\.0\.1 - - \[.*\] "GET \/chat HTTP\/1\.1" 101 \d+ "-" "test" \d+ 4321 [\w-]{12}\.\w+\n$/,
    );
    expect(Number(/ 101 (\d+) /.exec(text)?.[1])).toBeGreaterThan(100);
  });

  it('tells how connections ended that did not end well', async () => {
    await using site = await startChat();
    const url = `ws://127.0.0.1:${site.port}/chat`;
    await using vanishing = await TestClient.open(url);
    vanishing.webSocket.terminate();
    expect(await line(site)).toMatch(/ 1006 \S+\n$/);
    await using failing = await TestClient.open(url);
    failing.send('x');
    expect(await line(site, 1)).toMatch(/ 1011 \S+\n$/);
    await using staying = await TestClient.open(url);
    await site.gateway.close();
    await staying.closed;
    expect(await line(site, 2)).toMatch(/ 1001 \S+\n$/);
    expect(site.lines).toHaveLength(3);
  });

  it('has one line per refused handshake', async () => {
    await using site = await startChat({ origins: ['https://example.com'] });
    await tryHandshake(`${site.origin}/chat`, { Origin: 'https://example.org' });
    await tryHandshake(`${site.origin}/nowhere`);
    expect(await line(site)).toMatch(/"GET \/chat HTTP\/1\.1" 403 \d+ "-" "-" \d+ - \S+\n$/);
    expect(await line(site, 1)).toMatch(/"GET \/nowhere HTTP\/1\.1" 404 11 "-" "-" \d+ - \S+\n$/);
    expect(site.lines).toHaveLength(2);
  });

  it('names the user whom authentication found out, and nobody else', async () => {
    const users = { 'ada lovelace': await hashPassword('engine') };
    await using site = await startChat({ auth: { type: 'basic', users } });
    const basic = (password: string): string => `Basic ${Buffer.from(`ada lovelace:${password}`).toString('base64')}`;
    await httpGet(`${site.origin}/chat`, { Authorization: basic('wrong') });
    await httpGet(`${site.origin}/chat`, { Authorization: basic('engine') });
    await tryHandshake(`${site.origin}/chat`, { Authorization: basic('engine') });
    expect(await line(site)).toMatch(/^127\.0\.0\.1 - - .* 401 /);
    expect(await line(site, 1)).toMatch(/^127\.0\.0\.1 - ada\\x20lovelace .* 426 /);
    expect(await line(site, 2)).toMatch(/^127\.0\.0\.1 - ada\\x20lovelace .* 101 /);
  });
});
