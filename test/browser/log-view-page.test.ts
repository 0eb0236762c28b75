import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launchChromium } from '../support/launch-chromium.ts';
import { live, numbered } from '../support/log-lines.ts';
import { LogViewPage } from '../support/log-view-page.ts';
import { startLogViewPage } from '../support/start-log-view-page.ts';
import { poorContrast } from '../support/text-contrast.ts';
import { until } from '../support/until.ts';

let browser: Browser;
beforeAll(async () => {
  browser = await launchChromium();
});
afterAll(() => browser.close());

describe('the page of log-view', () => {
  it('takes 5,000 lines a second in the browser’s stride: all of them, few of them in the document', async () => {
    await using server = await startLogViewPage();
    await using view = await LogViewPage.open(browser, server.url);
    for (let from = 0; from < 15_000; from += 1_250) {
      server.send(live(numbered(1_000, from)), live(numbered(250, from + 1_000)));
      await view.page.evaluate(() => new Promise((resolve) => requestAnimationFrame(resolve)));
    }
    await view.count('15,000 lines').waitFor();
    expect(await view.all()).toEqual(numbered(15_000));
    expect((await view.rows()).at(-1)).toBe('line 014999');
    expect(await view.atEnd()).toBe(true);
    expect(await view.page.locator('*').count()).toBeLessThan(800);
    expect(view.complaints).toEqual([]);
  });

  it('keeps the newest lines when there are more than it can keep, and says so', async () => {
    await using server = await startLogViewPage();
    await using view = await LogViewPage.open(browser, server.url);
    for (let from = 0; from < 201_000; from += 1_000) server.send(live(numbered(1_000, from)));
    await view.count('200,000 lines').waitFor();
    await view.page.getByText('1,000 older dropped').waitFor();
    await view.page.keyboard.press('Home');
    await until(async () => (await view.rows())[0] === 'line 001000');
    await view.page.keyboard.press('End');
    await until(async () => (await view.rows()).at(-1) === 'line 200999');
    expect(await view.page.locator('*').count()).toBeLessThan(800);
  });

  it.each([false, true])(
    'stays where the reader is when the end was left, and goes back on request (wrap: %s)',
    async (wrap) => {
      const long = (line: string): string => `${line} ${'long '.repeat(Number(line.slice(-2)) * 3)}`;
      await using server = await startLogViewPage({ backlog: () => numbered(2_000).map(long) });
      await using view = await LogViewPage.open(browser, server.url);
      if (wrap) await view.page.keyboard.press('w');
      await until(() => view.atEnd());
      await view.scrollTo(10_000);
      await view.jump.waitFor();
      const topRow = (): Promise<string | undefined> =>
        view.page.evaluate(() => {
          const { left, top } = document.querySelector('#lines')?.getBoundingClientRect() ?? { left: 0, top: 0 };
          return document
            .elementFromPoint(left + 40, top + 2)
            ?.closest('.row')
            ?.textContent?.slice(0, 11);
        });
      await until(async () => (await topRow()) !== undefined);
      const before = await topRow();
      server.send(live(numbered(777, 2_000).map(long)));
      await view.jump.getByText(/new$/).waitFor();
      expect(await topRow()).toBe(before);
      expect(await view.atEnd()).toBe(false);
      await view.page.keyboard.press('End');
      await until(() => view.atEnd());
      await until(async () => (await view.rows()).at(-1)?.startsWith('line 002776'));
      server.send(live(['after the end']));
      await until(async () => (await view.rows()).at(-1) === 'after the end' && (await view.atEnd()));
      await view.jump.waitFor({ state: 'hidden' });
    },
  );

  it('filters, marks matches, bears an unfinished expression, and puts the filter into the address', async () => {
    await using server = await startLogViewPage({
      backlog: () => ['Alpha one', 'beta two', 'ALPHA three', '<b>html</b>'],
    });
    await using view = await LogViewPage.open(browser, server.url);
    await view.count('4 lines').waitFor();
    await view.page.keyboard.press('/');
    await view.page.keyboard.type('alpha');
    await view.count('2 of 4 lines').waitFor();
    expect(await view.page.locator('mark').allTextContents()).toEqual(['Alpha', 'ALPHA']);
    await view.button('Match case').click();
    await view.page.getByText('No line matches').waitFor();
    await view.button('Match case').click();
    await view.button('Regular expression').click();
    await view.filter.fill('^(beta|alpha) t');
    await view.count('2 of 4 lines').waitFor();
    await view.button('Show lines that do not match').click();
    await until(async () => (await view.rows()).join('|') === 'Alpha one|<b>html</b>');
    await view.filter.fill('(');
    await view.page.getByText('Not a regular expression yet: Unterminated group').waitFor();
    expect(await view.rows()).toEqual(['Alpha one', '<b>html</b>']);
    await view.filter.fill('t(w|h)');
    server.send(live(['two more', 'one more']));
    await until(async () => (await view.rows()).join('|') === 'Alpha one|<b>html</b>|one more');
    await until(() => view.page.url().includes('filter=t%28w%7Ch%29&regex=1&invert=1'));
    await view.page.reload();
    await until(async () => (await view.rows()).join('|') === 'Alpha one|<b>html</b>');
    expect(await view.filter.inputValue()).toBe('t(w|h)');
    expect(view.complaints).toEqual([]);
  });

  it('shows colours, levels and JSON as they are meant, and markup as text', async () => {
    const lines = [
      '\x1b[1;31mred\x1b[0m <img src=x onerror=alert(1)>',
      '{"level":50,"time":1763722985274,"msg":"broken","code":7}',
      '127.0.0.1 - - [21/Nov/2026:11:03:05 +0000] "GET / HTTP/1.1" 503 9 "-" "-" 3 -',
    ];
    await using server = await startLogViewPage({ backlog: () => lines });
    await using view = await LogViewPage.open(browser, server.url);
    await view.count('3 lines').waitFor();
    expect(await view.page.locator('.row .fg-1.bold').textContent()).toBe('red');
    expect(await view.page.locator('.row img').count()).toBe(0);
    expect((await view.rows())[1]).toMatch(/:05\.274 ERROR broken {2}code=7$/);
    expect(await view.page.locator('.row.level-error .status-5').textContent()).toBe('503');
    await view.page.keyboard.press('r');
    await until(async () => (await view.rows())[1] === lines[1]);
    await view.page.reload();
    await until(async () => (await view.rows())[1] === lines[1]);
    expect(view.complaints).toEqual([]);
  });

  it('shows a very long line in part, and whole on request', async () => {
    await using server = await startLogViewPage({ backlog: () => ['x'.repeat(60_000)] });
    await using view = await LogViewPage.open(browser, server.url);
    await view.page.keyboard.press('w');
    await view.button('… 51,808 more characters').click();
    await until(async () => (await view.rows())[0]?.length === 60_000);
  });

  it('tells nodes apart, and shows one of them', async () => {
    await using server = await startLogViewPage({ backlog: () => ['one'] });
    await using view = await LogViewPage.open(browser, server.url);
    await view.count('1 line').waitFor();
    expect(await view.page.locator('.origin').count()).toBe(0);
    server.send(live(['two'], 'b'));
    await until(async () => (await view.page.locator('.origin').allTextContents()).join() === 'a,b');
    await view.page.getByLabel('Node').selectOption('b');
    await until(async () => (await view.rows()).join() === 'two');
    expect(await view.page.locator('.origin').count()).toBe(0);
    await until(() => view.page.url().includes('node=b'));
  });

  it('changes the log, and leaves lines of the one before behind', async () => {
    await using server = await startLogViewPage({ backlog: (log) => [`of ${log}`] });
    await using view = await LogViewPage.open(browser, server.url);
    await until(async () => (await view.rows()).join() === 'of app');
    await view.page.getByLabel('Log').selectOption('access');
    await until(async () => (await view.rows()).join() === 'of access');
    server.send(live(['late line of app']), {
      type: 'lines',
      log: 'access',
      node: 'a',
      file: 'access.log',
      lines: ['new'],
    });
    await until(async () => (await view.rows()).join() === 'of access,new');
    await until(() => view.page.url().endsWith('?log=access'));
  });

  it('reconnects by itself and joins what the backlog brings to what was there', async () => {
    const file = numbered(120);
    await using server = await startLogViewPage({ backlog: () => file });
    await using view = await LogViewPage.open(browser, server.url);
    await view.count('120 lines').waitFor();
    file.push(...numbered(30, 120));
    server.cut();
    await until(async () => (await view.rows()).at(-1) === 'line 000149');
    const all = await view.all();
    expect(all.filter((line) => !line.startsWith('---'))).toEqual(numbered(150));
    expect(all[120]).toMatch(/^--- .* Connection lost for .*; nothing is missing$/);
    // The next loss is not hidden: what is known is not in the backlog.
    file.splice(0, 150, ...numbered(10, 500));
    server.cut();
    await until(async () => (await view.rows()).at(-1) === 'line 000509');
    expect((await view.all()).at(-11)).toMatch(/lines may be missing here$/);
  });

  it('keeps the reader’s place when the filter changes', async () => {
    await using server = await startLogViewPage({ backlog: () => numbered(5_000) });
    await using view = await LogViewPage.open(browser, server.url);
    await view.count('5,000 lines').waitFor();
    await view.scrollTo(40_000);
    await view.jump.waitFor();
    await view.filter.fill('7');
    await until(
      async () => (await view.rows()).includes('line 002007') && !(await view.rows()).includes('line 002000'),
    );
    await view.filter.fill('');
    await until(async () => (await view.rows()).includes('line 002008'));
    expect(await view.jump.textContent()).toBe('↓ Jump to end');
    server.send(live(['one more']));
    await view.jump.getByText('1 new').waitFor();
  });

  it('marks a gap between the lines', async () => {
    await using server = await startLogViewPage();
    await using view = await LogViewPage.open(browser, server.url);
    server.send(live(['before']), { type: 'gap', log: 'app' }, live(['after']));
    await view.page.locator('.row.notice').waitFor();
    expect(await view.rows()).toEqual(['before', expect.stringContaining('Lines may be missing here'), 'after']);
  });

  it('asks the server for a severity and shows what the server says', async () => {
    await using server = await startLogViewPage();
    await using view = await LogViewPage.open(browser, server.url);
    const debug = view.button('debug');
    expect(await debug.getAttribute('aria-pressed')).toBe('false');
    await debug.click();
    await until(async () => (await debug.getAttribute('aria-pressed')) === 'true');
    expect(server.received).toContainEqual(expect.objectContaining({ type: 'severity', name: 'debug', on: true }));
    expect(await view.button('carillon:handshake').getAttribute('aria-pressed')).toBe('false');
  });

  it('does not let a reader who may not switch severities try, and says why', async () => {
    await using server = await startLogViewPage({ canSet: false });
    await using view = await LogViewPage.open(browser, server.url);
    const debug = view.button('debug');
    await debug.waitFor();
    await debug.click({ force: true });
    expect(await debug.getAttribute('aria-disabled')).toBe('true');
    expect(await debug.getAttribute('title')).toContain('Read only');
    expect(server.received.map(({ type }) => type)).toEqual(['open']);
  });

  it.each(['light', 'dark'] as const)(
    'can be read in the %s: every text has a contrast of 4.5:1 or more',
    async (colorScheme) => {
      const levels = [10, 20, 30, 40, 50, 60].map(
        (level) => `{"level":${level},"time":1763722985274,"msg":"m","field":"value"}`,
      );
      const colours = Array.from(
        { length: 16 },
        (_, i) => `\x1b[38;5;${i}mcolour ${i}\x1b[0m \x1b[48;5;${i}mbackground ${i}\x1b[0m`,
      );
      const exact = [16, 21, 51, 226, 231, 196].map(
        (i) => `\x1b[38;5;${i}mexact ${i}\x1b[0m \x1b[48;5;${i}mbackground ${i}\x1b[0m`,
      );
      const access = [200, 304, 404, 503].map(
        (status) => `h - - [21/Nov/2026:11:03:05 +0000] "GET / HTTP/1.1" ${status} 9`,
      );
      await using server = await startLogViewPage({
        backlog: () => ['ERROR x', 'WARN y', '\x1b[7minverse', ...access, ...exact, ...colours, ...levels],
      });
      await using view = await LogViewPage.open(browser, server.url, {
        colorScheme,
        viewport: { width: 1_200, height: 1_400 },
      });
      server.send(live(['x'], 'b'), live(['x'], 'c'), live(['x'], 'd'), { type: 'gap', log: 'app' });
      await view.page.locator('.row.notice').waitFor();
      expect(await poorContrast(view.page)).toEqual([]);
      await view.filter.fill('value');
      await view.page.locator('mark').first().waitFor();
      expect(await poorContrast(view.page)).toEqual([]);
    },
  );
});
