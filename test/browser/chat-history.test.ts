import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ChatClient } from '../support/chat-client.ts';
import { ChatPage } from '../support/chat-page.ts';
import { launchChromium } from '../support/launch-chromium.ts';
import { startProduct, type Product } from '../support/start-product.ts';
import { startTcpProxy, type StartedTcpProxy } from '../support/start-tcp-proxy.ts';
import { until } from '../support/until.ts';

let browser: Browser;
let product: Product;

beforeAll(async () => {
  browser = await launchChromium();
  product = await startProduct({
    apps: { chat: { urls: ['/open', '/broken', '/answer', '/late', '/short', '/none'] } },
    subscriptions: [
      { pattern: '/short', history: { size: 3, ttl: 600 } },
      { pattern: '/none', history: false },
    ],
  });
});

afterAll(async () => {
  await browser?.close();
  await product?.[Symbol.asyncDispose]();
});

function startProxy(): Promise<StartedTcpProxy> {
  return startTcpProxy(Number(new URL(product.url('/')).port));
}

async function say(client: ChatClient, ...texts: readonly string[]): Promise<void> {
  for (const text of texts) {
    client.send({ type: 'message', text });
    await client.nextOf('sent');
  }
}

/** Rows from top to bottom as a reader knows them. */
async function rowsOf({ page }: ChatPage): Promise<string[]> {
  const rows = page.locator('#rows > :is(.message, .notice:not([hidden]))');
  return await rows.evaluateAll((elements) =>
    elements.map((row) => (row.querySelector('.text') ?? row.firstChild)?.textContent?.trim() ?? ''),
  );
}

/** Complaints but the browser's own about an opening that fails. */
function unexpected({ complaints }: ChatPage): readonly string[] {
  return complaints.filter((complaint) => !complaint.includes('WebSocket connection to'));
}

describe('the chat page in a room with history', () => {
  it('shows the last messages when it is opened, and after a reload whose they were', async () => {
    await using ben = await ChatClient.open(product.socketUrl('/open'), 'Ben');
    await using anna = await ChatPage.open(browser, product.url('/open'), 'Anna');
    expect(await anna.page.locator('#empty').isVisible()).toBe(true);
    expect(await anna.page.getByText('There is no history here').isVisible()).toBe(false);
    await say(ben, 'Hello Anna');
    await anna.message('Hello Anna').waitFor();
    await anna.say('Hello Ben');
    await anna.page.locator('.message.own[data-delivery="sent"]').waitFor();
    await anna.page.reload();
    await anna.notice('You came in here').waitFor();
    expect(await rowsOf(anna)).toEqual(['Hello Anna', 'Hello Ben', 'You came in here']);
    expect(await anna.message('Hello Ben').getAttribute('class')).toContain('own');
    expect(await anna.message('Hello Anna').locator('.author').textContent()).toBe('Ben');
    expect(await anna.page.title()).toBe('open · Carillon');
    expect(await anna.page.locator('.day').allTextContents()).toEqual(['Today']);
    await say(ben, 'Welcome back');
    await anna.message('Welcome back').waitFor();
    expect((await rowsOf(anna)).at(-1)).toBe('Welcome back');
    expect(anna.complaints).toEqual([]);
  });

  it('ends with exactly what was said, however often its connection breaks meanwhile', async () => {
    await using proxy = await startProxy();
    await using ben = await ChatClient.open(product.socketUrl('/broken'), 'Ben');
    await using observer = await ChatClient.open(product.socketUrl('/broken'));
    await using anna = await ChatPage.open(browser, `http://127.0.0.1:${proxy.port}/broken`, 'Anna');
    const theirs: string[] = [];
    const own: string[] = [];
    for (let round = 0; round < 4; round++) {
      await anna.status('Connected').waitFor();
      const said = Array.from({ length: 20 }, (_, index) => `Ben ${round}.${index}`);
      theirs.push(...said);
      const talking = say(ben, ...said);
      await anna.say(`Anna ${round}.0`);
      proxy.reset();
      await anna.say(`Anna ${round}.1`);
      own.push(`Anna ${round}.0`, `Anna ${round}.1`);
      await talking;
    }
    await anna.message('Ben 3.19').waitFor();
    await until(async () => (await anna.page.locator('.message.own[data-delivery="sent"]').count()) === own.length);
    const all = await observer.texts(theirs.length + own.length);
    expect(all.toSorted()).toEqual([...theirs, ...own].toSorted());
    const shown = await anna.texts();
    expect(shown.filter((text) => text.startsWith('Ben'))).toEqual(theirs);
    expect(shown.filter((text) => text.startsWith('Anna'))).toEqual(own);
    expect(await anna.notice('may be missing').count()).toBe(0);
    expect(await anna.page.locator('#members .you').count()).toBe(1);
    await until(async () => (await anna.page.locator('#roster-count').textContent()) === '3');
    expect(unexpected(anna)).toEqual([]);
  });

  it('learns after a reconnect that a message had arrived, and puts it in its place', async () => {
    await using proxy = await startProxy();
    await using ben = await ChatClient.open(product.socketUrl('/answer'), 'Ben');
    await using anna = await ChatPage.open(browser, `http://127.0.0.1:${proxy.port}/answer`, 'Anna');
    // The way there is open, the way back is not.
    proxy.hold('to client');
    await anna.say('Can you hear me?');
    expect(await ben.texts(1)).toEqual(['Can you hear me?']);
    await say(ben, 'Yes.');
    proxy.isOpen = false;
    proxy.reset();
    proxy.heal();
    await anna.page.getByText('this is sent again when it is back').waitFor();
    await anna.say('Hello?');
    proxy.isOpen = true;
    await anna.message('Yes.').waitFor();
    await until(async () => (await anna.page.locator('.message.own[data-delivery="sent"]').count()) === 2);
    expect(await anna.texts()).toEqual(['Can you hear me?', 'Yes.', 'Hello?']);
    expect(await ben.texts(1)).toEqual(['Hello?']);
    expect(unexpected(anna)).toEqual([]);
  });

  it('leaves it to the reader to send again what the room might take for a new message', async () => {
    await using proxy = await startProxy();
    await using ben = await ChatClient.open(product.socketUrl('/late'), 'Ben');
    await using anna = await ChatPage.open(browser, `http://127.0.0.1:${proxy.port}/late`, 'Anna');
    proxy.hold('to server');
    await anna.say('into the void');
    await anna.page.getByText('Sending…').waitFor();
    proxy.isOpen = false;
    proxy.reset();
    proxy.heal();
    await anna.page.getByText('this is sent again when it is back').waitFor();
    // A machine that slept for a while.
    await anna.page.evaluate(
      (now) => {
        Date.now = () => now + performance.now();
      },
      Date.now() + 5 * 60_000,
    );
    proxy.isOpen = true;
    await anna.page.getByText('this may not have arrived').waitFor();
    await say(ben, 'Anna?');
    await anna.message('Anna?').waitFor();
    await anna.page.getByRole('button', { name: 'Send again' }).click();
    expect(await ben.texts(1)).toEqual(['into the void']);
    await anna.page.locator('.message.own[data-delivery="sent"]').waitFor();
    expect(await anna.texts()).toEqual(['Anna?', 'into the void']);
    expect(unexpected(anna)).toEqual([]);
  });

  it('says where messages may be missing when it was away for too long', async () => {
    await using proxy = await startProxy();
    await using ben = await ChatClient.open(product.socketUrl('/short'), 'Ben');
    await using anna = await ChatPage.open(browser, `http://127.0.0.1:${proxy.port}/short`, 'Anna');
    await say(ben, 'one');
    await anna.message('one').waitFor();
    proxy.isOpen = false;
    proxy.reset();
    await anna.status('Connection lost').waitFor();
    await say(ben, 'two', 'three', 'four', 'five', 'six');
    proxy.isOpen = true;
    await anna.message('six').waitFor();
    const rows = await rowsOf(anna);
    const notice = rows.find((row) => row.includes('missing'));
    expect(notice).toMatch(
      /^Connected again\. Messages since .+ may be missing here: this page was away for longer than the room remembers\.$/,
    );
    expect(rows).toEqual(['one', notice, 'four', 'five', 'six']);
    expect(unexpected(anna)).toEqual([]);
  });
});

describe('the chat page in a room without history', () => {
  it('says so, and after a reconnect that something may be missing', async () => {
    await using proxy = await startProxy();
    await using ben = await ChatClient.open(product.socketUrl('/none'), 'Ben');
    await using anna = await ChatPage.open(browser, `http://127.0.0.1:${proxy.port}/none`, 'Anna');
    await anna.page.getByText('There is no history here').waitFor();
    await say(ben, 'one');
    await anna.message('one').waitFor();
    proxy.isOpen = false;
    proxy.reset();
    await anna.say('written while away');
    await say(ben, 'two');
    proxy.isOpen = true;
    expect(await ben.texts(1)).toEqual(['written while away']);
    await anna.page.locator('.message.own[data-delivery="sent"]').waitFor();
    const rows = await rowsOf(anna);
    const notice = rows.find((row) => row.includes('missing'));
    expect(notice).toMatch(/may be missing here: this room does not keep what is said\.$/);
    expect(rows).toEqual(['one', notice, 'written while away']);
    expect(unexpected(anna)).toEqual([]);
  });
});
