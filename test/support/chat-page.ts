import type { Browser, BrowserContextOptions, Locator, Page } from 'playwright-core';

/** The chat's page in a browser window of its own, with its own storage. */
export class ChatPage implements AsyncDisposable {
  readonly page: Page;
  /** What the console and uncaught errors said; a violation of the Content-Security-Policy is among them. */
  readonly complaints: string[] = [];
  readonly field: Locator;

  private constructor(page: Page) {
    this.page = page;
    this.field = page.getByRole('textbox', { name: 'Message' });
    page.on('console', (message) => this.complaints.push(`${message.type()}: ${message.text()}`));
    page.on('pageerror', (error) => this.complaints.push(String(error)));
  }

  /** @param nick remembered from an earlier visit; undefined: a first visit */
  static async open(
    browser: Browser,
    url: string,
    nick?: string,
    options: BrowserContextOptions = {},
  ): Promise<ChatPage> {
    const context = await browser.newContext({ locale: 'en-GB', ...options });
    const page = await context.newPage();
    const chat = new ChatPage(page);
    if (nick !== undefined) {
      await page.addInitScript((name) => {
        if (localStorage.getItem('carillon.chat.nick') === null) localStorage.setItem('carillon.chat.nick', name);
      }, nick);
    }
    await page.goto(url);
    await chat.status('Connected').waitFor();
    await page.locator('#where', { hasText: 'connected to' }).waitFor({ state: 'attached' });
    return chat;
  }

  /** Number of the worker that holds the page's connection, as the page says. */
  async worker(): Promise<number> {
    const where = await this.page.locator('#where').textContent();
    return Number(/worker (\d+)/.exec(where ?? '')?.[1]);
  }

  status(text: string): Locator {
    return this.page.locator('#link-text', { hasText: text });
  }

  /** A message by its text; its own text only. */
  message(text: string): Locator {
    return this.page.locator('.message', { has: this.page.getByText(text, { exact: true }) });
  }

  notice(text: string | RegExp): Locator {
    return this.page.locator('.notice', { hasText: text });
  }

  /** What is said on the page, one's own included, from top to bottom. */
  async texts(): Promise<string[]> {
    return await this.page.locator('.message .text').allTextContents();
  }

  member(name: string): Locator {
    return this.page.locator('#members li', { hasText: name });
  }

  async say(text: string): Promise<void> {
    await this.field.fill(text);
    await this.field.press('Enter');
  }

  async scrollUp(): Promise<void> {
    await this.page.locator('#log').evaluate((log) => {
      log.scrollTop = 0;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.page.context().close();
  }
}
