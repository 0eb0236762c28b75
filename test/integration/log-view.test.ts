import { appendFile, rename, utimes, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { failureOf } from '../support/failure-of.ts';
import { LogViewClient } from '../support/log-view-client.ts';
import { startLogView } from '../support/start-log-view.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { TestClient } from '../support/test-client.ts';
import { until } from '../support/until.ts';

/** The lines of plain messages. */
function linesOf(client: TestClient): string[] {
  return client.unread.flatMap((message) => message.toString().split('\n'));
}

describe('watching a log', () => {
  it('begins with its last lines and goes on with what is appended', async () => {
    await using folder = await temporaryFolder({ 'a.log': '1\n2\n3\n' });
    await using view = await startLogView({ logs: { app: folder.file('a.log') }, tail: 2 });
    await using viewer = await LogViewClient.open(view.socketUrl());
    expect(await viewer.of('welcome')).toEqual({
      type: 'welcome',
      node: 'a',
      worker: 1,
      logs: ['app'],
      refresh: 20,
      tail: 2,
    });
    expect(await viewer.of('opened')).toEqual({
      type: 'opened',
      log: 'app',
      files: [{ file: 'a.log', state: 'followed' }],
      backlog: 2,
    });
    await appendFile(folder.file('a.log'), '4\n');
    await until(() => viewer.lines.length === 3);
    expect(viewer.all('lines')).toEqual([
      { type: 'lines', log: 'app', node: 'a', file: 'a.log', lines: ['2', '3'], backlog: true },
      { type: 'lines', log: 'app', node: 'a', file: 'a.log', lines: ['4'] },
    ]);
  });

  it('gives plain clients each line with its node', async () => {
    await using folder = await temporaryFolder({ 'a.log': '1\n\n' });
    await using view = await startLogView({ logs: { app: folder.file('a.log') } });
    await using client = await TestClient.open(view.socketUrl());
    await until(() => linesOf(client).length === 2);
    await appendFile(folder.file('a.log'), '3\n');
    await until(() => linesOf(client).length === 3);
    expect(linesOf(client)).toEqual(['a: 1', 'a: ', 'a: 3']);
    client.send('whatever');
    await appendFile(folder.file('a.log'), '4\n');
    await until(() => linesOf(client).length === 4);
  });

  it('joins backlog and live lines without a gap or a duplicate while the log is being written and rotated', async () => {
    await using folder = await temporaryFolder({ 'a.log': '' });
    await using view = await startLogView({ logs: { app: folder.file('a.log') }, tail: 50, refresh: 5 });
    await using witness = await LogViewClient.open(view.socketUrl());
    const last = 3_000;
    let written = 0;
    const writing = (async () => {
      while (written < last) {
        const count = 1 + (written % 7);
        const lines = Array.from({ length: count }, (_, i) => `${written + i + 1}\n`);
        await appendFile(folder.file('a.log'), lines.join(''));
        written += count;
        if (written % 500 < count) {
          await rename(folder.file('a.log'), folder.file(`a.log.${written}`));
          await writeFile(folder.file('a.log'), '');
          // A file that came and went before anybody looked is promised to nobody.
          await until(() => witness.lines.at(-1) === `${written}`);
        }
      }
      await appendFile(folder.file('a.log'), 'end\n');
    })();
    const viewers: LogViewClient[] = [];
    while (written < last) {
      viewers.push(await LogViewClient.open(view.socketUrl()));
      const before = written;
      await until(() => written >= Math.min(last, before + 100));
    }
    await writing;
    expect(viewers.length).toBeGreaterThan(5);
    for (const viewer of viewers) {
      await until(() => viewer.lines.at(-1) === 'end');
      const numbers = viewer.lines.slice(0, -1).map(Number);
      const first = numbers[0] ?? 0;
      expect(numbers).toEqual(Array.from({ length: numbers.length }, (_, i) => first + i));
      expect(viewer.all('gap')).toEqual([]);
      await viewer[Symbol.asyncDispose]();
    }
  });

  it('shows the last lines of the most recently changed files of a glob', async () => {
    await using folder = await temporaryFolder({ 'a.log': 'a1\na2\n', 'b.log': 'b1\nb2\n' });
    await utimes(folder.file('a.log'), 1_000, 1_000);
    await using view = await startLogView({ logs: { app: folder.file('*.log') }, tail: 3 });
    await using viewer = await LogViewClient.open(view.socketUrl());
    await until(() => viewer.lines.length === 3);
    expect(viewer.lines).toEqual(['a2', 'b1', 'b2']);
    await appendFile(folder.file('a.log'), 'a3\n');
    await until(() => viewer.lines.length === 4);
    expect((await viewer.of('lines', 3)).file).toBe('a.log');
  });

  it('changes to another log on the same connection, and shows nothing more of the first', async () => {
    await using folder = await temporaryFolder({ 'a.log': 'a1\n', 'b.log': 'b1\n' });
    await using view = await startLogView({ logs: { a: folder.file('a.log'), b: folder.file('b.log') } });
    await using viewer = await LogViewClient.open(view.socketUrl('?log=b'));
    expect((await viewer.of('opened')).log).toBe('b');
    viewer.send({ type: 'open', log: 'a', tail: 0, ref: 'x' });
    expect(await viewer.of('opened', 2)).toMatchObject({ log: 'a', backlog: 0, ref: 'x' });
    await appendFile(folder.file('b.log'), 'b2\n');
    await appendFile(folder.file('a.log'), 'a2\n');
    await until(() => viewer.lines.includes('a2'));
    expect(viewer.lines).toEqual(['a2']);
  });

  it('opens only the last of the logs that a client chooses in a hurry', async () => {
    await using folder = await temporaryFolder({ 'a.log': 'a1\n', 'b.log': 'b1\n' });
    await using view = await startLogView({ logs: { a: folder.file('a.log'), b: folder.file('b.log') } });
    await using viewer = await LogViewClient.open(view.socketUrl());
    await viewer.of('opened');
    for (let i = 0; i < 50; i++) viewer.send({ type: 'open', log: i % 2 === 0 ? 'a' : 'b', ref: `${i}` });
    await until(() => viewer.all('opened').some(({ ref }) => ref === '49') && viewer.lines.length > 0);
    expect(viewer.lines).toEqual(['b1']);
    expect(viewer.all('opened').length).toBeLessThan(51);
  });

  it('says when a file is missing, and shows it from its beginning when it comes', async () => {
    await using folder = await temporaryFolder();
    await using view = await startLogView({ logs: { app: folder.file('a.log') } });
    await using viewer = await LogViewClient.open(view.socketUrl());
    expect(await viewer.of('opened')).toMatchObject({ files: [{ file: 'a.log', state: 'missing' }], backlog: 0 });
    await writeFile(folder.file('a.log'), 'one\n');
    await until(() => viewer.lines.length === 1);
  });

  it('shows lines that another program publishes, without a node', async () => {
    await using folder = await temporaryFolder();
    await using view = await startLogView({ logs: { app: folder.file('a.log') } });
    await using viewer = await LogViewClient.open(view.socketUrl());
    await using plain = await TestClient.open(view.socketUrl());
    await viewer.of('opened');
    await until(async () => {
      await view.site.gateway.multicast('log:app', 'hello\nthere', { info: '{"odd":true}' });
      return plain.unread.length > 0;
    });
    expect(await viewer.of('lines')).toEqual({
      type: 'lines',
      log: 'app',
      node: null,
      file: null,
      lines: ['hello', 'there'],
    });
    expect(plain.unread[0]).toBe('hello\nthere');
  });

  it("has Carillon's own logs after the others", async () => {
    await using folder = await temporaryFolder({ 'access.log': 'GET\n', 'error.log': '', 'mine.log': 'mine\n' });
    const ownLogs = { access: folder.file('access.log'), error: folder.file('error.log') };
    await using view = await startLogView(
      { logs: { app: folder.file('a.log'), error: folder.file('mine.log') } },
      { ownLogs },
    );
    await using viewer = await LogViewClient.open(view.socketUrl('?log=error'));
    expect((await viewer.of('welcome')).logs).toEqual(['app', 'error', 'access']);
    await until(() => viewer.lines.length === 1);
    expect(viewer.lines).toEqual(['mine']);
  });

  it('bounds a backlog by its bytes', async () => {
    await using folder = await temporaryFolder();
    const long = 'x'.repeat(100_000);
    await writeFile(folder.file('a.log'), `${long}\n`.repeat(200));
    await using view = await startLogView({ logs: { app: folder.file('a.log') }, tail: 200 });
    await using viewer = await LogViewClient.open(view.socketUrl());
    const { backlog } = await viewer.of('opened');
    expect(backlog).toBe(15);
    await until(() => viewer.lines.length === 15);
    expect(viewer.lines[0]).toMatch(/^x{65536} … \[34464 bytes cut\]$/);
  });
});

describe('the name of a log', () => {
  const strange = [
    'nothing',
    '',
    '../a.log',
    '/etc/passwd',
    'app%00',
    '%2e%2e',
    'app/',
    'APP',
    '__proto__',
    'constructor',
    'toString',
    'log:app',
    '*',
    'app&log=app',
    'x&log=app',
  ];

  it.each(strange)('?log=%s is a 404 for page and socket alike', async (name) => {
    await using folder = await temporaryFolder({ 'a.log': 'secret\n' });
    await using view = await startLogView({ logs: { app: folder.file('a.log') } });
    const response = await fetch(view.url(`?log=${name}`));
    expect(response.status).toBe(404);
    expect(await response.text()).not.toMatch(/app|secret|a\.log/);
    expect((await failureOf(TestClient.open(view.socketUrl(`?log=${name}`)), Error)).message).toContain('404');
  });

  it('may be anything that the configuration says', async () => {
    await using folder = await temporaryFolder({ 'a.log': '1\n' });
    await using view = await startLogView({
      logs: Object.fromEntries([
        ['__proto__', folder.file('a.log')],
        ['ü/ €', folder.file('a.log')],
      ]),
    });
    for (const name of ['__proto__', 'ü/ €']) {
      await using viewer = await LogViewClient.open(view.socketUrl(`?log=${encodeURIComponent(name)}`));
      await until(() => viewer.lines.length === 1);
      await appendFile(folder.file('a.log'), '');
    }
    expect(JSON.parse(view.saved ?? '')).toHaveProperty('era');
  });

  it('is refused by the socket too when a client chooses it there', async () => {
    await using view = await startLogView({ logs: {} });
    await using viewer = await LogViewClient.open(view.socketUrl());
    expect((await viewer.of('welcome')).logs).toEqual([]);
    for (const [i, log] of ['../a', '__proto__', ''].entries()) {
      viewer.send({ type: 'open', log, ref: 'r' });
      expect(await viewer.of('error', i + 1)).toMatchObject({ code: 'unknown-log', ref: 'r' });
    }
  });
});

describe('the severities', () => {
  it('are shown on opening, set by a viewer, and shown to all after each change', async () => {
    await using view = await startLogView({});
    await using first = await LogViewClient.open(view.socketUrl());
    await using second = await LogViewClient.open(view.socketUrl());
    expect(await first.of('severities')).toEqual({ type: 'severities', state: view.severities.state, canSet: true });
    first.send({ type: 'severity', name: 'debug', on: true, ref: '1' });
    expect(await first.of('done')).toEqual({ type: 'done', ref: '1' });
    expect(view.severities.isOn('debug')).toBe(true);
    expect((await second.of('severities', 2)).state['debug']).toBe(true);
    expect(first.messages.findIndex(({ type }) => type === 'done')).toBe(first.messages.length - 1);
    view.severities.set({ warn: false });
    expect((await first.of('severities', 3)).state).toMatchObject({ warn: false, debug: true });
  });

  it('are told when asked for', async () => {
    await using view = await startLogView({});
    await using viewer = await LogViewClient.open(view.socketUrl());
    viewer.send({ type: 'severities', ref: 'r' });
    expect(await viewer.of('severities', 2)).toMatchObject({ canSet: true, ref: 'r' });
  });

  it('do not take other names', async () => {
    await using view = await startLogView({});
    await using viewer = await LogViewClient.open(view.socketUrl());
    viewer.send({ type: 'severity', name: '__proto__', on: true, ref: 'r' });
    expect(await viewer.of('error')).toMatchObject({ code: 'unknown-severity', ref: 'r' });
  });

  it('cannot be set by somebody unknown where everybody may watch', async () => {
    await using view = await startLogView({ public: true }, { hasAuth: false });
    await using viewer = await LogViewClient.open(view.socketUrl());
    expect((await viewer.of('severities')).canSet).toBe(false);
    viewer.send({ type: 'severity', name: 'debug', on: true, ref: 'r' });
    expect(await viewer.of('error')).toMatchObject({ code: 'not-allowed', ref: 'r' });
    expect(view.severities.isOn('debug')).toBe(false);
  });
});

describe('what log-view does not do', () => {
  it('start without saying who may watch', async () => {
    const failure = await failureOf(startLogView({}, { hasAuth: false }), Error);
    expect(failure.message).toBe('log-view: found no auth, expected one, or "public: true": a log reveals internals');
  });

  it('fail on messages that it cannot read: it says so and goes on', async () => {
    await using view = await startLogView({});
    await using viewer = await LogViewClient.open(view.socketUrl());
    viewer.client.send('{');
    viewer.client.send(Buffer.from([1, 2]));
    expect(await viewer.of('error', 1)).toMatchObject({ code: 'bad-message' });
    expect(await viewer.of('error', 2)).toMatchObject({ code: 'bad-message' });
    viewer.send({ type: 'severities' });
    await viewer.of('severities', 2);
  });
});
