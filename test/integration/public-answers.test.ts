import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/load-config.ts';
import { packageVersion } from '../../src/lib/package-version.ts';
import { httpGet, tryHandshake, type HttpAnswer } from '../support/http-get.ts';
import { RawClient } from '../support/raw-client.ts';
import { startProduct, type Product } from '../support/start-product.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const browser = { Accept: 'text/html' };

const onAll: Readonly<Record<string, string>> = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
};

/** One answer of each kind that a stranger can get. */
async function answersOf(product: Product): Promise<readonly HttpAnswer[]> {
  const chat = product.url('/chat');
  return [
    await httpGet(chat, browser),
    await httpGet(`${chat}/page.css`),
    await httpGet(chat),
    await httpGet(chat, browser, { method: 'POST' }),
    await httpGet(product.url('/nowhere')),
    await tryHandshake(chat, { Origin: 'https://example.org' }),
    await tryHandshake(product.url('/nowhere')),
  ];
}

async function refusesConnection(host: string, port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = connect({ host, port });
    socket.once('connect', () => {
      socket.destroy();
      resolve(false);
    });
    socket.once('error', () => resolve(true));
  });
}

describe('what a stranger is answered', () => {
  it('has the headers that keep browsers from misusing it', async () => {
    await using product = await startProduct({ workers: 0 });
    const answers = await answersOf(product);
    const [page, ...others] = answers;
    for (const { status, headers } of answers) expect(headers, String(status)).toMatchObject(onAll);
    for (const part of ["default-src 'none'", "frame-ancestors 'none'", "require-trusted-types-for 'script'"]) {
      expect(page?.headers['content-security-policy']).toContain(part);
    }
    expect(page?.headers['permissions-policy']).toContain('camera=()');
    for (const { headers } of others) expect(headers['content-security-policy']).toContain("default-src 'none'");
    await using raw = await RawClient.connect(Number(new URL(product.url('/')).port));
    raw.write('nonsense\r\n\r\n');
    expect((await raw.answer()).toLowerCase()).toContain('x-content-type-options: nosniff\r\n');
  });

  it('names neither the software nor a version', async () => {
    await using product = await startProduct({ workers: 0 });
    const accepted = await tryHandshake(product.url('/chat'));
    expect(accepted.status).toBe(101);
    const versions = [packageVersion(), process.versions.node, process.version];
    for (const { headers, body } of [accepted, ...(await answersOf(product))]) {
      expect(Object.keys(headers)).not.toEqual(
        expect.arrayContaining([expect.stringMatching(/^(server|x-powered-by|via)$/)]),
      );
      const said = JSON.stringify(headers) + body;
      for (const version of versions) expect(said).not.toContain(version);
    }
  });
});

describe('the operations port', () => {
  it('is on loopback unless told otherwise, and the public port too', async () => {
    await using folder = await temporaryFolder({ 'carillon.json': '{}' });
    const { config } = loadConfig({ cwd: folder.path });
    expect([config.operations.host, config.host]).toEqual(['127.0.0.1', '127.0.0.1']);
    await using product = await startProduct({ workers: 0 });
    for (const url of [product.operationsUrl('/'), product.url('/')]) {
      const port = Number(new URL(url).port);
      expect(await refusesConnection('127.0.0.1', port)).toBe(false);
      // The same machine by another address.
      expect(await refusesConnection('127.0.0.2', port)).toBe(true);
    }
  });

  it('is not among the public answers', async () => {
    await using product = await startProduct({ workers: 0 });
    for (const path of ['/metrics', '/ready', '/live', '/nodes', '/drain']) {
      expect((await httpGet(product.url(path))).status).toBe(404);
    }
  });
});
