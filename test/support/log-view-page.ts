import type { Browser, BrowserContextOptions, Locator, Page } from 'playwright-core';

/** log-view's page in a browser window of its own, with its own storage. */
export class LogViewPage implements AsyncDisposable {
  readonly page: Page;
  /** What the console and uncaught errors said; a violation of the Content-Security-Policy is among them. */
  readonly complaints: string[] = [];
  readonly lines: Locator;
  readonly filter: Locator;
  readonly jump: Locator;

  private constructor(page: Page) {
    this.page = page;
    this.lines = page.getByRole('log', { name: 'Lines' });
    this.filter = page.getByRole('textbox', { name: 'Show lines with' });
    this.jump = page.locator('#jump');
    page.on('console', (message) => this.complaints.push(`${message.type()}: ${message.text()}`));
    page.on('pageerror', (error) => this.complaints.push(String(error)));
  }

  static async open(browser: Browser, url: string, options: BrowserContextOptions = {}): Promise<LogViewPage> {
    const context = await browser.newContext({
      locale: 'en-GB',
      viewport: { width: 1_200, height: 700 },
      acceptDownloads: true,
      ...options,
    });
    const view = new LogViewPage(await context.newPage());
    await view.page.goto(url);
    await view.link('Connected to').waitFor();
    return view;
  }

  /** Number of the worker that holds the page's connection, as the page says. */
  async worker(): Promise<number> {
    return Number(/worker (\d+)/.exec((await this.page.locator('#link-text').textContent()) ?? '')?.[1]);
  }

  link(text: string): Locator {
    return this.page.locator('#link-text', { hasText: text });
  }

  count(text: string): Locator {
    return this.page.locator('#count').getByText(text, { exact: true });
  }

  button(name: string): Locator {
    return this.page.getByRole('button', { name, exact: true });
  }

  /** The rows that are in the document, notices included. */
  rows(): Promise<string[]> {
    return this.page.locator('.row:not(.probe) .text').allTextContents();
  }

  /** All lines that pass the filter, in order, as the page gives them for download. */
  async all(): Promise<string[]> {
    const [download] = await Promise.all([this.page.waitForEvent('download'), this.button('Download').click()]);
    const chunks: Buffer[] = [];
    for await (const chunk of await download.createReadStream()) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks).toString().split('\n').slice(0, -1);
  }

  async scrollTo(top: number): Promise<void> {
    await this.lines.evaluate((lines, px) => {
      lines.scrollTop = px;
    }, top);
  }

  /** Whether the last row is in sight. */
  atEnd(): Promise<boolean> {
    return this.lines.evaluate((lines) => lines.scrollTop + lines.clientHeight >= lines.scrollHeight - 1);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.page.context().close();
  }
}
