import { appendFile, rename, writeFile } from 'node:fs/promises';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launchChromium } from '../support/launch-chromium.ts';
import { LogViewPage } from '../support/log-view-page.ts';
import { startProduct, type Product } from '../support/start-product.ts';
import { until } from '../support/until.ts';

const numbered = (count: number, from = 0): string[] =>
  Array.from({ length: count }, (_, i) => `line ${String(from + i).padStart(6, '0')}`);
const written = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join('');

const startLogs = (): Promise<Product> =>
  startProduct(
    { apps: { 'log-view': { urls: ['/logs'], auth: { type: 'loopback' }, logs: { app: 'app.log' }, refresh: 50 } } },
    { 'app.log': written(numbered(300)) },
  );

/** Which worker accepts a connection is the kernel's choice, so pages are opened until one is where it should be. */
async function openOnOtherWorker(product: Product, worker: number): Promise<LogViewPage> {
  return await until(
    async () => {
      const view = await LogViewPage.open(browser, product.url('/logs'));
      if ((await view.worker()) !== worker) return view;
      await view[Symbol.asyncDispose]();
      return undefined;
    },
    { deadlineMs: 30_000 },
  );
}

let browser: Browser;
beforeAll(async () => {
  browser = await launchChromium();
});
afterAll(() => browser.close());

describe('log-view of the running product', () => {
  it('shows the backlog and what is appended, through a rotation by rename, each line once', async () => {
    await using product = await startLogs();
    const file = product.folder.file('app.log');
    await using view = await LogViewPage.open(browser, product.url('/logs?log=app'));
    await view.count('100 lines').waitFor();
    await appendFile(file, written(numbered(50, 300)));
    await until(async () => (await view.rows()).at(-1) === 'line 000349');
    await appendFile(file, written(numbered(1_000, 350)));
    await rename(file, product.folder.file('app.log.1'));
    await appendFile(product.folder.file('app.log.1'), written(numbered(10, 1_350)));
    await writeFile(file, written(numbered(500, 1_360)));
    await appendFile(file, written(numbered(5, 1_860)));
    await until(async () => (await view.rows()).at(-1) === 'line 001864', { deadlineMs: 20_000 });
    expect(await view.all()).toEqual(numbered(1_665, 200));
    expect(view.complaints).toEqual([]);
  });

  it('loses nothing by a pause, and filters what it shows', async () => {
    await using product = await startLogs();
    await using view = await LogViewPage.open(browser, product.url('/logs?log=app'));
    await view.count('100 lines').waitFor();
    await view.page.keyboard.press('p');
    await appendFile(product.folder.file('app.log'), written(numbered(2_500, 300)));
    await view.page.getByText('Paused · 2,500 lines waiting').waitFor();
    await view.page.keyboard.press('p');
    await view.count('2,600 lines').waitFor();
    expect(await view.all()).toEqual(numbered(2_600, 200));
    await view.filter.fill('99');
    const expected = numbered(2_600, 200).filter((line) => line.includes('99'));
    await view.count(`${expected.length} of 2,600 lines`).waitFor();
    expect(await view.all()).toEqual(expected);
    expect(view.complaints).toEqual([]);
  });

  it('shows what one page switches on a page of another worker', async () => {
    await using product = await startLogs();
    await using first = await LogViewPage.open(browser, product.url('/logs'));
    await using second = await openOnOtherWorker(product, await first.worker());
    for (const name of ['debug', 'carillon:handshake']) {
      expect(await second.button(name).getAttribute('aria-pressed')).toBe('false');
      await first.button(name).click();
      await until(async () => (await second.button(name).getAttribute('aria-pressed')) === 'true');
      await second.button(name).click();
      await until(async () => (await first.button(name).getAttribute('aria-pressed')) === 'false');
    }
    expect([...first.complaints, ...second.complaints]).toEqual([]);
  });

  it('shows Carillon’s own access log, in which the page finds itself', async () => {
    await using product = await startLogs();
    await using view = await LogViewPage.open(browser, product.url('/logs?log=access&filter=page.css'));
    await until(async () => (await view.rows()).some((row) => row.includes('"GET /logs/page.css')));
    expect(await view.page.locator('.row .http.status-2').count()).toBeGreaterThan(0);
  });

  it('comes back by itself when its worker is killed, with every line once', async () => {
    await using product = await startLogs();
    const file = product.folder.file('app.log');
    await using view = await LogViewPage.open(browser, product.url('/logs?log=app'));
    await view.count('100 lines').waitFor();
    process.kill((await product.workerPids()).get(await view.worker()) ?? 0, 'SIGKILL');
    await appendFile(file, written(numbered(400, 300)));
    await appendFile(file, written(numbered(100, 700)));
    await until(async () => (await view.rows()).at(-1) === 'line 000799', { deadlineMs: 20_000 });
    expect((await view.all()).filter((line) => !line.startsWith('--- '))).toEqual(numbered(600, 200));
    expect((await view.all()).filter((line) => line.startsWith('--- '))).toEqual([
      expect.stringContaining('nothing is missing'),
    ]);
  });

  it.each(['nothing', '../app.log', '/etc/passwd', 'app%00'])('answers ?log=%s with 404', async (name) => {
    await using product = await startLogs();
    const page = await browser.newPage();
    const response = await page.goto(product.url(`/logs?log=${name}`));
    expect(response?.status()).toBe(404);
    expect(await page.content()).not.toContain('app.log');
    await page.close();
  });
});
