import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launchChromium } from '../support/launch-chromium.ts';
import { live, numbered } from '../support/log-lines.ts';
import { LogViewPage } from '../support/log-view-page.ts';
import { startLogViewPage } from '../support/start-log-view-page.ts';
import { until } from '../support/until.ts';

let browser: Browser;
beforeAll(async () => {
  browser = await launchChromium();
});
afterAll(() => browser.close());

describe('pausing and the keys of the page of log-view', () => {
  it('holds everything back while paused and loses none of it', async () => {
    await using server = await startLogViewPage({ backlog: () => numbered(10) });
    await using view = await LogViewPage.open(browser, server.url);
    await view.count('10 lines').waitFor();
    await view.page.keyboard.press('p');
    server.send(live(numbered(500, 10)));
    await view.page.getByText('Paused · 500 lines waiting').waitFor();
    expect(await view.all()).toEqual(numbered(10));
    expect(await view.button('Pause').getAttribute('aria-pressed')).toBe('true');
    // On the button just used for the download, space would press that again.
    await view.lines.focus();
    await view.page.keyboard.press('Space');
    server.send(live(numbered(5, 510)));
    await view.count('515 lines').waitFor();
    expect(await view.all()).toEqual(numbered(515));
  });

  it('holds a million lines while paused, shows them afterwards, and scrolls through all of them', async () => {
    await using server = await startLogViewPage();
    await using view = await LogViewPage.open(browser, server.url);
    await view.page.keyboard.press('p');
    for (let from = 0; from < 1_000_000; from += 1_000) server.send(live(numbered(1_000, from)));
    await view.page.getByText('Paused · 1,000,000 lines waiting').waitFor();
    await view.page.keyboard.press('p');
    await view.count('1,000,000 lines').waitFor();
    await until(async () => (await view.rows()).at(-1) === 'line 999999' && (await view.atEnd()));
    await view.page.keyboard.press('Home');
    await until(async () => (await view.rows())[0] === 'line 000000');
    // The middle of the scroll bar is the middle of the lines, however high browsers let a list be.
    const middle = await view.lines.evaluate((lines) => (lines.scrollHeight - lines.clientHeight) / 2);
    await view.scrollTo(middle);
    const inSight = async (): Promise<number> => Number((await view.rows())[20]?.slice(5));
    await until(async () => Math.abs((await inSight()) - 500_000) < 50);
    const before = await inSight();
    await view.scrollTo((await view.lines.evaluate((lines) => lines.scrollTop)) + 100);
    await until(async () => (await inSight()) > before);
    expect((await inSight()) - before).toBeLessThan(10);
    await view.page.keyboard.press('w');
    await view.page.keyboard.press('End');
    await until(async () => (await view.rows()).at(-1) === 'line 999999' && (await view.atEnd()));
    expect(view.complaints).toEqual([]);
  });

  it('clears by key only with Shift, and lets keys of a single character be turned off for good', async () => {
    await using server = await startLogViewPage({ backlog: () => numbered(10) });
    await using view = await LogViewPage.open(browser, server.url);
    await view.count('10 lines').waitFor();
    await view.page.keyboard.press('c');
    await view.page.keyboard.press('?');
    const setting = view.page.getByRole('switch', { name: 'Shortcuts of a single character' });
    expect(await setting.isChecked()).toBe(true);
    await view.count('10 lines').waitFor();
    await setting.click();
    await view.button('Close').click();
    await view.page.reload();
    await view.count('10 lines').waitFor();
    for (const key of ['Shift+C', 'p', 'w', '/', '?', 'Space']) await view.page.keyboard.press(key);
    await view.page.keyboard.press('Home');
    await view.jump.waitFor();
    expect(await view.button('Pause').getAttribute('aria-pressed')).toBe('false');
    expect(await view.button('Wrap').getAttribute('aria-pressed')).toBe('false');
    expect(await view.button('Clear').getAttribute('title')).toBe('Clear what is shown');
    expect(await view.button('Clear').getAttribute('aria-keyshortcuts')).toBe(null);
    expect(await view.page.getByRole('dialog').count()).toBe(0);
    await view.count('10 lines').waitFor();
    await view.button('Keyboard shortcuts').click();
    await setting.click();
    await view.button('Close').click();
    await view.page.keyboard.press('Shift+C');
    await view.count('0 lines').waitFor();
    expect(view.complaints).toEqual([]);
  });

  it('explains its keys', async () => {
    await using server = await startLogViewPage();
    await using view = await LogViewPage.open(browser, server.url);
    await view.page.keyboard.press('?');
    await view.page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor();
    await view.button('Close').click();
    await view.page.getByRole('dialog').waitFor({ state: 'hidden' });
    expect(view.complaints).toEqual([]);
  });
});
