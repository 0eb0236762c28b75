import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LinesPosition, NodeState } from '../../src/apps/log-view/log-view-protocol.ts';
import { launchChromium } from '../support/launch-chromium.ts';
import { live, numbered } from '../support/log-lines.ts';
import { LogViewPage } from '../support/log-view-page.ts';
import { startLogViewPage } from '../support/start-log-view-page.ts';
import { until } from '../support/until.ts';

const at = (offset: number): LinesPosition => ({ epoch: 'e', offset });

const node = (name: string, debug: boolean): NodeState => ({
  name,
  severities: { error: true, warn: true, info: true, debug },
});

let browser: Browser;
beforeAll(async () => {
  browser = await launchChromium();
});
afterAll(() => browser.close());

describe('the page of log-view with several nodes', () => {
  it('goes on from its position after a loss, and is given what it missed of all nodes', async () => {
    await using server = await startLogViewPage({
      backlog: () => ['old'],
      opened: (since) => (since === undefined ? { position: at(4) } : { position: since, recovered: true }),
    });
    await using view = await LogViewPage.open(browser, server.url);
    await view.count('1 line').waitFor();
    server.send({ ...live(['two'], 'b'), position: at(5) });
    await view.count('2 lines').waitFor();
    server.cut();
    await view.page.locator('.row.notice').waitFor();
    server.send({ ...live(['three'], 'b'), position: at(6) });
    await until(async () => (await view.rows()).at(-1) === 'three');
    expect(server.received.at(-1)).toMatchObject({ type: 'open', log: 'app', since: at(5) });
    expect(await view.rows()).toEqual(['old', 'two', expect.stringMatching(/nothing is missing$/), 'three']);
  });

  it('says why it could not be given what it missed', async () => {
    const file = numbered(10);
    await using server = await startLogViewPage({
      backlog: () => file,
      opened: (since) => ({ position: at(4), ...(since && { recovered: false, reason: 'trimmed' }) }),
    });
    await using view = await LogViewPage.open(browser, server.url);
    await view.count('10 lines').waitFor();
    server.send({ ...live(['two'], 'b'), position: at(5) });
    await view.count('11 lines').waitFor();
    file.push('line 000010');
    server.cut();
    await until(async () => (await view.rows()).at(-1) === 'line 000010');
    expect((await view.rows()).at(-2)).toMatch(
      /lines of other nodes may be missing here: more came than is kept, or it was too long ago$/,
    );
  });

  it('says of which nodes the last lines are not known', async () => {
    await using server = await startLogViewPage({ opened: () => ({ absent: ['b', 'c'] }) });
    await using view = await LogViewPage.open(browser, server.url);
    await view.page.getByText('The last lines of b and c are not known here; new ones will be shown').first().waitFor();
  });

  it('lists the nodes there are, and those that have gone', async () => {
    await using server = await startLogViewPage({ backlog: () => ['one'] });
    await using view = await LogViewPage.open(browser, server.url);
    const names = (): Promise<string[]> => view.page.getByLabel('Node').locator('option').allTextContents();
    server.send({ type: 'nodes', nodes: [node('a', false), node('b', false)] });
    await until(async () => (await names()).join() === 'All nodes,a,b');
    server.send({ type: 'nodes', nodes: [node('a', false)] }, live(['two'], 'b'));
    await until(async () => (await names()).join() === 'All nodes,a,b (gone)');
    await view.page.getByLabel('Node').selectOption('b');
    await until(async () => (await view.rows()).join() === 'two');
  });

  it('switches severities where the reader wants it, and shows what is so there', async () => {
    await using server = await startLogViewPage();
    await using view = await LogViewPage.open(browser, server.url);
    const debug = view.button('debug');
    const target = view.page.getByLabel('Where severities are switched');
    await debug.waitFor();
    expect(await target.isVisible()).toBe(false);
    server.send({ type: 'nodes', nodes: [node('a', false), node('b', true)] });
    await target.waitFor();
    expect(await debug.getAttribute('aria-pressed')).toBe('false');
    await target.selectOption('b');
    expect(await debug.getAttribute('aria-pressed')).toBe('true');
    await target.selectOption('On all nodes');
    expect(await debug.getAttribute('aria-pressed')).toBe('mixed');
    await debug.click();
    await until(() => server.received.some(({ type }) => type === 'severity'));
    expect(server.received.at(-1)).toMatchObject({ type: 'severity', name: 'debug', on: true, node: '*' });
    server.send({ type: 'nodes', nodes: [node('a', true), node('b', true)] });
    await until(async () => (await debug.getAttribute('aria-pressed')) === 'true');
    server.send({ type: 'nodes', nodes: [node('a', true)] });
    await until(async () => !(await target.isVisible()));
    expect(view.complaints).toEqual([]);
  });
});
