import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launchChromium } from '../support/launch-chromium.ts';
import { numbered } from '../support/log-lines.ts';
import { LogViewPage } from '../support/log-view-page.ts';
import { LogNodes } from '../support/start-log-nodes.ts';
import { startRedis } from '../support/start-redis.ts';
import { until } from '../support/until.ts';

const written = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join('');

let browser: Browser;
beforeAll(async () => {
  browser = await launchChromium();
});
afterAll(() => browser.close());

describe('the page of log-view on nodes of one Redis', () => {
  it('shows the last lines of all nodes with their names, one of them on request, and every line after a loss', async () => {
    await using redis = await startRedis();
    await using nodes = await LogNodes.start(redis, {
      logs: [written(numbered(150, 0, 'a')), written(numbered(150, 0, 'b'))],
      logView: { tail: 20 },
    });
    await using view = await LogViewPage.open(browser, nodes.node(2).url('/logs?log=app'));
    await view.count('40 lines').waitFor();
    expect(await view.all()).toEqual([...numbered(20, 130, 'node-1: a'), ...numbered(20, 130, 'node-2: b')]);
    nodes.append(1, written(numbered(5, 150, 'a')));
    await view.count('45 lines').waitFor();

    const killed = await view.worker();
    process.kill((await nodes.node(2).workerPids()).get(killed) ?? 0, 'SIGKILL');
    nodes.append(1, written(numbered(5, 155, 'a')));
    nodes.append(2, written(numbered(5, 150, 'b')));
    await view.page.locator('.row.notice').waitFor();
    await until(async () => (await view.all()).length === 56, { deadlineMs: 20_000 });
    const all = await view.all();
    expect(all.find((line) => line.startsWith('---'))).toMatch(/nothing is missing$/);
    const of = (node: string): string[] => all.filter((line) => line.startsWith(node));
    expect(of('node-1')).toEqual(numbered(30, 130, 'node-1: a'));
    expect(of('node-2')).toEqual(numbered(25, 130, 'node-2: b'));

    await view.page.getByLabel('Node').selectOption('node-1');
    await view.count('31 of 56 lines').waitFor();
    await until(() => view.page.url().includes('node=node-1'));

    const debug = view.button('debug');
    await view.page.getByLabel('Where severities are switched').selectOption('On all nodes');
    await debug.click();
    await until(async () => (await debug.getAttribute('aria-pressed')) === 'true');
    await using other = await LogViewPage.open(browser, nodes.node(1).url('/logs?log=app'));
    await until(async () => (await other.button('debug').getAttribute('aria-pressed')) === 'true');
    expect(view.complaints.filter((complaint) => !complaint.includes('WebSocket'))).toEqual([]);
  });
});
