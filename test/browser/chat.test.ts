import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ChatClient } from '../support/chat-client.ts';
import { ChatPage } from '../support/chat-page.ts';
import { launchChromium } from '../support/launch-chromium.ts';
import { startProduct, type Product } from '../support/start-product.ts';
import { startTcpProxy } from '../support/start-tcp-proxy.ts';
import { TestClient } from '../support/test-client.ts';
import { poorContrast } from '../support/text-contrast.ts';
import { until } from '../support/until.ts';

let browser: Browser;
let product: Product;

beforeAll(async () => {
  browser = await launchChromium();
  product = await startProduct({
    apps: {
      chat: { urls: ['/one', '/two', '/three', '/four', '/five', '/six', '/seven', '/light', '/dark', '/eight'] },
    },
  });
});

afterAll(async () => {
  await browser?.close();
  await product?.[Symbol.asyncDispose]();
});

/** Two pages whose connections different workers hold: the kernel deals connections out, so pages are opened until so. */
async function openOnTwoWorkers(path: string, firstUrl = product.url(path)): Promise<[ChatPage, ChatPage]> {
  const first = await ChatPage.open(browser, firstUrl, 'Anna');
  const worker = await first.worker();
  const second = await until(
    async () => {
      const page = await ChatPage.open(browser, product.url(path), 'Ben');
      if ((await page.worker()) !== worker) return page;
      await page[Symbol.asyncDispose]();
      return undefined;
    },
    { deadlineMs: 45_000, what: 'a page is connected to another worker' },
  );
  return [first, second];
}

describe('the chat page', () => {
  it('carries messages, names, comings and goings between two workers', async () => {
    const [anna, ben] = await openOnTwoWorkers('/one');
    expect(await anna.worker()).not.toBe(await ben.worker());

    await anna.say('Hello <b>Ben</b> & "all"\\n');
    await ben.message('Hello <b>Ben</b> & "all"\\n').waitFor();
    const heard = ben.message('Hello <b>Ben</b> & "all"\\n');
    expect(await heard.locator('.author').textContent()).toBe('Anna');
    expect(await heard.locator('time').getAttribute('datetime')).toMatch(/^\d{4}-\d\d-\d\dT.*Z$/);
    expect(await heard.getAttribute('class')).not.toContain('own');
    expect(await ben.page.locator('.day').textContent()).toBe('Today');

    const own = anna.message('Hello <b>Ben</b> & "all"\\n');
    expect(await own.getAttribute('class')).toContain('own');
    await anna.page.locator('.message.own[data-delivery="sent"]').waitFor();

    await ben.say('see https://example.org/bells.');
    const link = anna.page.getByRole('link', { name: 'https://example.org/bells', exact: true });
    await link.waitFor();
    expect(await link.getAttribute('rel')).toContain('noopener');

    await anna.member('Ben').waitFor();
    expect(await anna.page.locator('#roster-count').textContent()).toBe('2');
    await ben.page.getByRole('button', { name: 'Change your name' }).click();
    await ben.page.getByRole('textbox', { name: 'Your name' }).fill('  Benedict ');
    await ben.page.keyboard.press('Enter');
    await anna.notice('Ben is now Benedict').waitFor();
    await anna.member('Benedict').waitFor();
    await ben.page.reload();
    await anna.notice('Benedict reconnected').waitFor();
    await ben.member('Benedict').locator('.you').waitFor();

    await ben[Symbol.asyncDispose]();
    await anna.notice('Benedict left').waitFor();
    await until(async () => (await anna.page.locator('#roster-count').textContent()) === '1');
    expect([...anna.complaints, ...ben.complaints]).toEqual([]);
    await anna[Symbol.asyncDispose]();
  });

  it('understands plain clients, and they understand it', async () => {
    await using anna = await ChatPage.open(browser, product.url('/two'), 'Anna');
    await using plain = await TestClient.open(product.socketUrl('/two/connect'));
    await anna.notice('127.0.0.1 joined').waitFor();
    await anna.member('127.0.0.1').first().waitFor();
    await anna.say('Hello');
    expect(await plain.next()).toBe('127.0.0.1: Hello');
    plain.send('Hi there');
    await anna.message('Hi there').waitFor();
    expect(await anna.message('Hi there').locator('.author').textContent()).toBe('127.0.0.1');
    expect(anna.complaints).toEqual([]);
  });

  it('stays where its reader is, counts what is new, and goes there on a click', async () => {
    await using anna = await ChatPage.open(browser, product.url('/three'), 'Anna');
    await using plain = await TestClient.open(product.socketUrl('/three'));
    await anna.notice('joined').waitFor();
    for (let index = 1; index <= 80; index++) plain.send(`line ${index}`);
    await anna.message('line 80').waitFor();
    const log = anna.page.locator('#log');
    const toEnd = () => log.evaluate((box) => box.scrollHeight - box.scrollTop - box.clientHeight);
    await until(async () => (await toEnd()) < 2);

    await anna.scrollUp();
    await anna.page.getByRole('button', { name: 'Latest messages' }).waitFor();
    plain.send('new one');
    plain.send('new two');
    const button = anna.page.getByRole('button', { name: '2 new messages' });
    await button.waitFor();
    expect(await log.evaluate((box) => box.scrollTop)).toBe(0);
    expect(await anna.page.locator('.new + .message').textContent()).toContain('new one');
    await button.click();
    await until(async () => (await toEnd()) < 2);
    expect(await anna.page.locator('#jump').isHidden()).toBe(true);
    plain.send('seen at once');
    await anna.message('seen at once').waitFor();
    await until(async () => (await toEnd()) < 2);
    expect(anna.complaints).toEqual([]);
  });

  it('keeps a bounded number of rows, and the place of whoever reads among them', async () => {
    await using anna = await ChatPage.open(browser, product.url('/four'), 'Anna');
    await using plain = await TestClient.open(product.socketUrl('/four'));
    await anna.notice('joined').waitFor();
    for (let index = 1; index <= 2_100; index++) plain.send(`line ${index}`);
    await anna.message('line 2100').waitFor();
    expect(await anna.page.locator('#rows > *').count()).toBe(2_000);
    const middle = anna.message('line 1500');
    await middle.evaluate((row) => row.scrollIntoView({ block: 'center' }));
    await anna.page.getByRole('button', { name: 'Latest messages' }).waitFor();
    const top = () => middle.evaluate((row) => row.getBoundingClientRect().top);
    const before = await top();
    for (let index = 1; index <= 300; index++) plain.send(`more ${index}`);
    await anna.message('more 300').waitFor({ state: 'attached' });
    expect(Math.abs((await top()) - before)).toBeLessThan(2);
    expect(await anna.page.locator('#rows > *').count()).toBe(2_000);
  });

  it('says so when its worker is killed, reconnects by itself, and sends what was written meanwhile', async () => {
    await using proxy = await startTcpProxy(Number(new URL(product.url('/')).port));
    const [anna, ben] = await openOnTwoWorkers('/five', `http://127.0.0.1:${proxy.port}/five`);
    const pid = (await product.workerPids()).get(await anna.worker());
    if (pid === undefined) throw new Error('no such worker');
    // No way back while the message is written.
    proxy.isOpen = false;
    process.kill(pid, 'SIGKILL');
    await anna.status('Connection lost').waitFor();
    await anna.say('written while away');
    await anna.page.getByText('Will be sent when the connection is back.').waitFor();
    await ben.notice('Anna left').waitFor();
    await ben.say('said meanwhile');
    await ben.page.locator('.message.own[data-delivery="sent"]').waitFor();
    expect(await ben.status('Connected').count()).toBe(1);

    proxy.isOpen = true;
    await anna.status('Connected').waitFor();
    await anna.message('said meanwhile').waitFor();
    await ben.message('written while away').waitFor();
    expect(await anna.texts()).toEqual(['said meanwhile', 'written while away']);
    expect(await anna.notice('may be missing').count()).toBe(0);
    await anna.page.locator('.message.own[data-delivery="sent"]').waitFor();
    await ben.notice('Anna joined').waitFor();
    expect(await anna.page.locator('#roster-count').textContent()).toBe('2');
    expect(ben.complaints).toEqual([]);
    // A failed opening is reported by the browser itself.
    expect(anna.complaints.filter((complaint) => !complaint.includes('WebSocket connection to'))).toEqual([]);
    await anna[Symbol.asyncDispose]();
    await ben[Symbol.asyncDispose]();
  });

  it('replaces a connection that looks open but carries nothing, and sends again what was under way', async () => {
    await using proxy = await startTcpProxy(Number(new URL(product.url('/')).port));
    await using anna = await ChatPage.open(browser, `http://127.0.0.1:${proxy.port}/eight`, 'Anna');
    await using ben = await ChatClient.open(product.socketUrl('/eight'));
    proxy.freeze();
    await anna.say('into the void');
    await anna.page.getByText('Sending…').waitFor();
    expect(await ben.texts(1)).toEqual(['into the void']);
    await anna.status('Connected').waitFor();
    await anna.page.locator('.message.own[data-delivery="sent"]').waitFor();
    expect(await anna.page.locator('.message.own').count()).toBe(1);
    expect(await anna.member('Anna').count()).toBe(1);
    expect(anna.complaints).toEqual([]);
  });

  it('can be used with the keyboard alone', async () => {
    await using anna = await ChatPage.open(browser, product.url('/six'));
    await using plain = await TestClient.open(product.socketUrl('/six'));
    const { keyboard } = anna.page;
    const focused = () => anna.page.evaluate(() => document.activeElement?.id);
    expect(await focused()).toBe('text');
    await keyboard.type('one');
    await keyboard.press('Shift+Enter');
    await keyboard.type('two');
    await keyboard.press('Enter');
    expect(await plain.next()).toBe('127.0.0.1: one\ntwo');
    expect(await anna.field.inputValue()).toBe('');

    // The first visit asks for a name, without taking the focus.
    await keyboard.press('Shift+Tab');
    await keyboard.press('Shift+Tab');
    await keyboard.press('Shift+Tab');
    expect(await focused()).toBe('name');
    await keyboard.type('n'.repeat(33));
    await keyboard.press('Enter');
    await anna.page.getByRole('alert').filter({ hasText: 'too long; expected 1 to 32 characters' }).waitFor();
    await keyboard.press('Control+A');
    await keyboard.type('Anna');
    await keyboard.press('Enter');
    await anna.member('Anna').waitFor();
    expect(await focused()).toBe('text');

    // The log scrolls with the keyboard, and Escape comes back from it.
    for (let index = 0; index < 60; index++) plain.send(`line ${index}`);
    await anna.message('line 59').waitFor();
    await anna.page.locator('#log').focus();
    await keyboard.press('Home');
    await anna.page.getByRole('button', { name: 'Latest messages' }).waitFor();
    // The browser moves there bit by bit, and would go on after the next key.
    await until(async () => (await anna.page.locator('#log').evaluate((box) => box.scrollTop)) === 0);
    await keyboard.press('Escape');
    await anna.page.locator('#jump').waitFor({ state: 'hidden' });
    expect(await focused()).toBe('text');
    // Whatever is typed outside of a field is a message.
    await anna.page.locator('#log').focus();
    await keyboard.type('hey');
    expect(await anna.field.inputValue()).toBe('hey');
    expect(anna.complaints).toEqual([]);
  });

  it('has a drawer on a phone for who is here', async () => {
    await using anna = await ChatPage.open(browser, product.url('/seven'), 'Anna', {
      viewport: { width: 360, height: 640 },
      hasTouch: true,
      isMobile: true,
    });
    const { page } = anna;
    const drawer = page.getByRole('dialog', { name: /Here now/ });
    const opener = page.getByRole('button', { name: '1 here' });
    expect(await page.getByRole('list').count()).toBe(0);
    await opener.tap();
    await drawer.getByText('Anna').waitFor();
    await page.keyboard.press('Escape');
    await drawer.waitFor({ state: 'hidden' });
    expect(await opener.evaluate((button) => button === document.activeElement)).toBe(true);
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    expect(overflow).toBeLessThanOrEqual(0);
    const sizes = await page
      .locator('input, textarea')
      .evaluateAll((fields) => fields.map((field) => getComputedStyle(field).fontSize));
    expect(sizes).toEqual(['16px', '16px']);
    await anna.say('x'.repeat(500));
    await anna.page.locator('.message.own').waitFor();
    expect(await page.locator('#log').evaluate((log) => log.scrollWidth - log.clientWidth)).toBe(0);
    expect(anna.complaints).toEqual([]);
  });

  it.each(['light', 'dark'] as const)(
    'can be read in %s colours, and everything in it has a name',
    async (colorScheme) => {
      await using anna = await ChatPage.open(browser, product.url(`/${colorScheme}`), undefined, {
        colorScheme,
        reducedMotion: 'reduce',
      });
      await using ben = await ChatPage.open(browser, product.url(`/${colorScheme}`), 'Ben');
      await anna.notice('joined').waitFor();
      await ben.say('Hello https://example.org');
      await anna.page.getByRole('link').last().waitFor();
      await anna.say('Hello Ben http://example.com');
      await anna.page.locator('.message.own[data-delivery="sent"]').waitFor();
      // Enough of them for every colour of a person to occur.
      for (let name = 0; name < 30; name++) {
        await using other = await ChatClient.open(product.socketUrl(`/${colorScheme}`), `Other ${name}`);
        other.send({ type: 'message', text: `I am ${name}` });
        await anna.message(`I am ${name}`).waitFor();
      }
      const tones = await anna.page
        .locator('.message')
        .evaluateAll((rows) => rows.flatMap((row) => row.className.match(/tone-\d/) ?? []));
      expect(new Set(tones).size).toBe(8);
      await anna.scrollUp();
      await anna.page.locator('#name').fill('\u0000 ');
      expect(await poorContrast(anna.page)).toEqual([]);

      const nameless = await anna.page
        .locator('button:visible, input:visible, textarea:visible, a:visible, aside, [role=log]')
        .evaluateAll((elements) =>
          elements
            .filter((element) => {
              const label =
                element.getAttribute('aria-label') ??
                document.getElementById(element.getAttribute('aria-labelledby') ?? '')?.textContent;
              const labels =
                'labels' in element
                  ? [...(element.labels as NodeListOf<HTMLLabelElement>)].map((one) => one.textContent)
                  : [];
              return [label, element.textContent, ...labels].every((text) => (text ?? '').trim() === '');
            })
            .map((element) => element.outerHTML),
        );
      expect(nameless).toEqual([]);
      await anna.page.getByRole('log', { name: 'Messages' }).waitFor();
      await anna.page.getByRole('main').waitFor();
      await anna.page.getByRole('complementary', { name: /Here now/ }).waitFor();
      expect(await anna.page.getByRole('heading', { level: 1 }).textContent()).toBe(colorScheme);
      expect([...anna.complaints, ...ben.complaints]).toEqual([]);
    },
  );

  it('counts in its title what comes while it is in the background', async () => {
    await using anna = await ChatPage.open(browser, product.url('/six'), 'Anna');
    await using plain = await TestClient.open(product.socketUrl('/six'));
    await anna.notice('joined').waitFor();
    expect(await anna.page.title()).toBe('six · Carillon');
    // Headless windows are always visible; the page is told otherwise.
    const setHidden = (hidden: boolean) =>
      anna.page.evaluate((value) => {
        Object.defineProperty(document, 'hidden', { configurable: true, get: () => value });
        document.dispatchEvent(new Event('visibilitychange'));
      }, hidden);
    await setHidden(true);
    plain.send('psst');
    plain.send('hey');
    await until(async () => (await anna.page.title()) === '(2) six · Carillon');
    await setHidden(false);
    expect(await anna.page.title()).toBe('six · Carillon');
    await anna.message('hey').waitFor();
  });
});
