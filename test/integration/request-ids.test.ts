import { describe, expect, it } from 'vitest';
import { mountSocketApp } from '../../src/apps/mount-socket-app.ts';
import { httpGet, tryHandshake } from '../support/http-get.ts';
import { RawClient } from '../support/raw-client.ts';
import { startSite, type StartedSite } from '../support/start-site.ts';
import { TestClient } from '../support/test-client.ts';
import { until } from '../support/until.ts';

const idHeader = 'x-request-id';
const id = /^[\w-]{12}\.[\da-z]+$/;

/** A page-less app at /app that fails at every message, and a route at /fails that fails at every request. */
function startFailing(): Promise<StartedSite> {
  return startSite({
    mount: (context) => {
      const onMessage = (): void => {
        throw new Error('broken app');
      };
      mountSocketApp(
        context,
        '/app',
        { urls: ['/app'] },
        { accept: (request, entry) => void context.gateway.handshake(request, { onMessage }, entry) },
      );
      const fail = (): never => {
        throw new Error('broken route');
      };
      context.router.add('/fails', { get: fail, upgrade: fail });
      mountSocketApp(
        context,
        '/choosy',
        { urls: ['/choosy'] },
        { accept: (request, entry) => void context.gateway.handshake(request, { subprotocols: fail }, entry) },
      );
    },
  });
}

async function idInLine(site: StartedSite, index: number): Promise<string | undefined> {
  await until(() => site.lines.length > index);
  return site.lines[index]?.trimEnd().split(' ').at(-1);
}

describe('the id of a request', () => {
  it('is in its answer and in its line of the access log', async () => {
    await using site = await startFailing();
    const answers = [
      await httpGet(`${site.origin}/nowhere`),
      await tryHandshake(`${site.origin}/nowhere`),
      await tryHandshake(`${site.origin}/app`, { Origin: 'https://example.org' }),
    ];
    for (const [index, answer] of answers.entries()) {
      expect(answer.headers[idHeader]).toMatch(id);
      expect(await idInLine(site, index)).toBe(answer.headers[idHeader]);
    }
    expect(new Set(answers.map(({ headers }) => headers[idHeader])).size).toBe(answers.length);
  });

  it('is also that of a request which could not be read', async () => {
    await using site = await startFailing();
    await using client = await RawClient.connect(site.port);
    client.write('nonsense\r\n\r\n');
    const answer = await client.answer();
    expect(answer).toContain(`\r\nX-Request-Id: ${await idInLine(site, 0)}\r\n`);
  });

  it('leads from a failure that the client sees to the error log', async () => {
    await using site = await startFailing();
    for (const ask of [httpGet, tryHandshake]) {
      const { headers, body } = await ask(`${site.origin}/fails`);
      expect(body).toBe(`Internal error; the request's id is ${String(headers[idHeader])}.\n`);
      expect(site.errors.at(-1)).toMatchObject({ event: 'route-error', request: headers[idHeader] });
    }
  });

  it('is also in what the gateway itself refuses, which has all that other answers have', async () => {
    await using site = await startFailing();
    const failed = await tryHandshake(`${site.origin}/choosy`, { 'Sec-WebSocket-Protocol': 'a' });
    expect(failed).toMatchObject({
      status: 500,
      headers: { 'x-frame-options': 'DENY' },
      body: `Internal error; the request's id is ${String(failed.headers[idHeader])}.\n`,
    });
    expect(site.errors).toMatchObject([{ event: 'app-error', connection: failed.headers[idHeader] }]);
    await site.gateway.close();
    const closing = await tryHandshake(`${site.origin}/app`);
    expect(closing).toMatchObject({
      status: 503,
      headers: { 'x-frame-options': 'DENY' },
      body: 'This worker is stopping; try again.\n',
    });
    expect(Number(closing.headers['retry-after'])).toBeGreaterThanOrEqual(1);
    for (const [index, { status, headers, body }] of [failed, closing].entries()) {
      expect(await idInLine(site, index)).toBe(headers[idHeader]);
      expect(site.lines[index]).toContain(`HTTP/1.1" ${status} ${body.length} `);
    }
    const { counts } = site.metrics;
    expect([counts.handshakesRefused, counts.handshakesRefusedBy.get('draining')]).toEqual([2, 1]);
  });

  it('is made here, whatever the client says', async () => {
    await using site = await startFailing();
    const { headers } = await httpGet(`${site.origin}/nowhere`, { [idHeader]: 'mine', traceparent: '00-1-1-01' });
    expect(headers[idHeader]).toMatch(id);
  });
});

describe('the id of a connection', () => {
  it("is that of its handshake, and joins the answer, the close reason and both logs' lines", async () => {
    await using site = await startFailing();
    await using client = await TestClient.open(`ws://127.0.0.1:${site.port}/app`);
    const [connection] = site.gateway.connections.values();
    expect(connection?.id).toMatch(id);
    client.send('x');
    const closed = await client.closed;
    expect(closed).toEqual({ code: 1011, reason: `internal error; this connection's id is ${connection?.id}` });
    expect(site.errors).toMatchObject([{ event: 'app-error', connection: connection?.id }]);
    expect(await idInLine(site, 0)).toBe(connection?.id);
    const { headers, status } = await tryHandshake(`${site.origin}/app`);
    expect(status).toBe(101);
    expect(await idInLine(site, 1)).toBe(headers[idHeader]);
  });
});
