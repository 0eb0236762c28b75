import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { RawClient } from '../support/raw-client.ts';
import { startProduct } from '../support/start-product.ts';
import { TestClient } from '../support/test-client.ts';
import { until } from '../support/until.ts';

describe('the product in one process', () => {
  it('serves echo and chat, and multicasts through the memory broker', async () => {
    await using product = await startProduct({ workers: 0 });
    await using echo = await TestClient.open(product.socketUrl('/echo/connect'));
    echo.send('hello');
    expect(await echo.next()).toBe('hello');
    await using one = await TestClient.open(product.socketUrl('/chat'));
    await using two = await TestClient.open(product.socketUrl('/chat/connect'));
    one.send('hi');
    expect(await two.next()).toBe('127.0.0.1: hi');
    const { workers } = await product.readiness();
    expect(workers).toEqual([
      { worker: 0, pid: product.pid, state: 'listening', connections: expect.any(Number), restarts: 0 },
    ]);
  });

  it('takes leave of its clients when it stops', async () => {
    await using product = await startProduct({ workers: 0 });
    await using client = await TestClient.open(product.socketUrl('/echo'));
    product.signal('SIGTERM');
    expect((await client.closed).code).toBe(1012);
    expect(await product.exited).toEqual({ code: 0, signal: null });
    expect(product.stderr).toBe('');
  });
});

describe.each([0, 2])('the product with %i worker processes', (workers) => {
  it('prints what runs and where, for people', async () => {
    await using product = await startProduct({
      workers,
      apps: {
        echo: { urls: ['/echo'] },
        chat: { urls: ['/one', '/two'] },
        'log-view': { urls: ['/logs'], auth: { type: 'loopback' } },
      },
    });
    const { port } = new URL(product.url('/'));
    const operations = new URL(product.operationsUrl('/')).port;
    expect(product.stdout).toBe(
      [
        '',
        `Carillon is running: ${product.folder.file('carillon.json')}`,
        '',
        `  address    http://127.0.0.1:${port}`,
        `  chat       http://127.0.0.1:${port}/one`,
        `  chat       http://127.0.0.1:${port}/two`,
        `  log view   http://127.0.0.1:${port}/logs`,
        `  echo       ws://127.0.0.1:${port}/echo/connect`,
        `  metrics    http://127.0.0.1:${operations}/metrics`,
        `  readiness  http://127.0.0.1:${operations}/ready`,
        `  broker     embedded, this ${workers === 0 ? 'process' : 'node'} alone`,
        `  workers    ${workers === 0 ? 'none, all in this process' : workers}`,
        `  logs       ${product.folder.file('logs')}`,
        '',
        'Ctrl-C stops it.',
        '',
      ].join('\n'),
    );
    const page = await fetch(product.url('/one'), { headers: { accept: 'text/html' } });
    expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
    expect((await fetch(product.url('/nowhere'))).status).toBe(404);
  });

  it('appends one access log line per request and connection, also while it runs', async () => {
    await using product = await startProduct({ workers });
    const client = await TestClient.open(product.socketUrl('/echo'));
    client.webSocket.close(1000);
    await client.closed;
    await fetch(product.url('/nowhere'));
    const log = await until(async () => {
      const text = await readFile(product.folder.file('logs/access.log'), 'utf8');
      return text.split('\n').length === 3 && text;
    });
    expect(log).toMatch(/"GET \/echo HTTP\/1\.1" 101 .* 1000 \S+\n/);
    expect(log).toMatch(/"GET \/nowhere HTTP\/1\.1" 404 /);
  });

  it('writes the error log as JSON, with node and severity by name', async () => {
    await using product = await startProduct({ workers });
    const lines = (await product.logged())
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown);
    expect(lines).toContainEqual(expect.objectContaining({ level: 'info', node: 'test', event: 'ready' }));
  });

  it('writes no line whose severity is off, and debug loggers that are on', async () => {
    await using product = await startProduct({
      workers,
      log: { directory: 'logs', severities: { info: false, 'carillon:handshake': true } },
    });
    await using client = await TestClient.open(product.socketUrl('/echo'));
    client.send('hello');
    await client.next();
    const log = await until(
      async () => (await product.logged()).includes('carillon:handshake') && (await product.logged()),
    );
    expect(log).not.toContain('"level":"info"');
    expect(log).toContain('"event":"handshake"');
  });

  it('can log to standard output and standard error', async () => {
    await using product = await startProduct({ workers, log: { directory: '-' } });
    await fetch(product.url('/nowhere'));
    await until(() => /"GET \/nowhere HTTP\/1\.1" 404 /.test(product.stdout));
    expect(product.stderr).toContain('"event":"ready"');
  });

  it('closes clients that do not finish their request within the time allowed', async () => {
    await using product = await startProduct({ workers, http: { headersTimeoutMs: 200 } });
    await using slow = await RawClient.connect(Number(new URL(product.url('/')).port));
    slow.write('GET /echo HTTP/1.1\r\nHost: x\r\n');
    expect((await slow.readToEnd()).toString()).toContain('408');
  });
});
