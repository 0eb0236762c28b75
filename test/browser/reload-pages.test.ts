import { appendFile } from 'node:fs/promises';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ChatClient } from '../support/chat-client.ts';
import { ChatPage } from '../support/chat-page.ts';
import { launchChromium } from '../support/launch-chromium.ts';
import { LogViewPage } from '../support/log-view-page.ts';
import { startProduct } from '../support/start-product.ts';
import { until } from '../support/until.ts';

let browser: Browser;
beforeAll(async () => {
  browser = await launchChromium();
});
afterAll(() => browser.close());

/** Keeps what the page says of its connection, from now on. */
async function watchLink(page: Page): Promise<() => Promise<string[]>> {
  await page.evaluate(() => {
    const said: string[] = [];
    const text = document.querySelector('#link-text');
    new MutationObserver(() => said.push(text?.textContent ?? '')).observe(document.body, {
      subtree: true,
      childList: true,
      characterData: true,
    });
    Object.assign(globalThis, { linkWords: said });
  });
  return async () => [...new Set(await page.evaluate(() => (globalThis as { linkWords?: string[] }).linkWords ?? []))];
}

describe('people whose worker is replaced', () => {
  it('see everything once and in order, and hardly notice', async () => {
    await using product = await startProduct(
      {
        workers: 1,
        drain: { period: 0.5 },
        apps: {
          chat: { urls: ['/chat'] },
          'log-view': { urls: ['/logs'], auth: { type: 'loopback' }, logs: { app: 'app.log' } },
        },
      },
      { 'app.log': '' },
    );
    await using anna = await ChatPage.open(browser, product.url('/chat'), 'Anna');
    await using view = await LogViewPage.open(browser, product.url('/logs?log=app'));
    const saidByChat = await watchLink(anna.page);
    const saidByLogs = await watchLink(view.page);
    const texts: string[] = [];
    let goesOn = true;
    const speaking = (async () => {
      while (goesOn) {
        await using ben = await ChatClient.open(product.socketUrl('/chat'), 'Ben');
        for (let count = 0; count < 5; count++) {
          const text = `line ${texts.length}`;
          texts.push(text);
          ben.send({ type: 'message', text, id: text });
          await appendFile(product.folder.file('app.log'), `${text}\n`);
          // Its worker may be the one that leaves: what is not confirmed is said again by whoever comes next.
          const sent = await Promise.race([ben.nextOf('sent').then(() => true), ben.client.closed.then(() => false)]);
          if (sent) continue;
          await using again = await ChatClient.open(product.socketUrl('/chat'), 'Ben');
          again.send({ type: 'message', text, id: text });
          await again.nextOf('sent');
          break;
        }
      }
    })();
    await until(() => texts.length > 10);
    await product.reload();
    const atReload = texts.length;
    await until(() => texts.length > atReload + 10);
    goesOn = false;
    await speaking;
    await until(async () => (await anna.texts()).length >= texts.length);
    expect(await anna.texts()).toEqual(texts);
    await view.count(`${texts.length} lines`).waitFor();
    expect(await view.all()).toEqual(texts);
    expect((await saidByChat()).filter((words) => !['Connected', 'Reconnecting…'].includes(words))).toEqual([]);
    expect(await anna.notice('missing').count()).toBe(0);
    expect((await saidByLogs()).filter((words) => !/^(Connected|Connecting…)/.test(words))).toEqual([]);
    expect((await view.rows()).filter((row) => !texts.includes(row))).toEqual([]);
  }, 60_000);
});
