import { once } from 'node:events';
import { rename, writeFile } from 'node:fs/promises';
import { connect } from 'node:tls';
import { X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { selfSignedCertificate } from '../support/self-signed-certificate.ts';
import { startProduct, type Product } from '../support/start-product.ts';
import { TestClient } from '../support/test-client.ts';
import { until } from '../support/until.ts';

const tls = { cert: 'tls/cert.pem', key: 'tls/key.pem' };

/** Fingerprint of the certificate that a new connection gets. */
async function served(product: Product): Promise<string | undefined> {
  const socket = connect({
    port: Number(new URL(product.url('/')).port),
    host: '127.0.0.1',
    rejectUnauthorized: false,
  });
  await once(socket, 'secureConnect');
  const fingerprint = socket.getPeerCertificate().fingerprint256;
  socket.destroy();
  return fingerprint;
}

function fingerprintOf(cert: string): string {
  return new X509Certificate(cert).fingerprint256;
}

describe.each([0, 2])('TLS with %i worker processes', (workers) => {
  it('serves https and wss, and prints such addresses', async () => {
    const pair = await selfSignedCertificate();
    await using product = await startProduct({ workers, tls }, { 'tls/cert.pem': pair.cert, 'tls/key.pem': pair.key });
    expect(product.url('/')).toMatch(/^https:/);
    expect(product.stdout).toContain('echo       wss://');
    await using client = await TestClient.open(product.socketUrl('/echo'), [], { ca: pair.cert });
    client.send('hello');
    expect(await client.next()).toBe('hello');
  });

  it('gives new connections the new certificate when the files change, and leaves the present ones alone', async () => {
    const [old, fresh] = [await selfSignedCertificate(), await selfSignedCertificate()];
    await using product = await startProduct({ workers, tls }, { 'tls/cert.pem': old.cert, 'tls/key.pem': old.key });
    await using client = await TestClient.open(product.socketUrl('/echo'), [], { ca: old.cert });
    expect(await served(product)).toBe(fingerprintOf(old.cert));

    // One after the other, the second by rename: in between they do not belong together.
    await writeFile(product.folder.file('tls/cert.pem'), fresh.cert);
    await until(async () => (await product.logged()).includes('"event":"tls-reload-failed"'));
    for (let i = 0; i < 8; i++) expect(await served(product)).toBe(fingerprintOf(old.cert));
    await writeFile(product.folder.file('tls/key.new'), fresh.key);
    await rename(product.folder.file('tls/key.new'), product.folder.file('tls/key.pem'));
    await until(async () => (await product.logged()).includes('"event":"tls-reloaded"'));
    // Every worker, wherever these land.
    await until(async () => {
      const fingerprints = await Promise.all(Array.from({ length: 8 }, () => served(product)));
      return fingerprints.every((fingerprint) => fingerprint === fingerprintOf(fresh.cert));
    });
    client.send('still here');
    expect(await client.next()).toBe('still here');
  });
});

describe('TLS with a worker that is replaced', () => {
  it('gives the new worker the pair in use, also while the files are not usable', async () => {
    const pair = await selfSignedCertificate();
    await using product = await startProduct(
      { workers: 1, tls },
      { 'tls/cert.pem': pair.cert, 'tls/key.pem': pair.key },
    );
    await writeFile(product.folder.file('tls/key.pem'), 'no key');
    process.kill((await product.workerPids()).get(1) ?? 0, 'SIGKILL');
    await until(
      async () => (await product.readiness()).workers[0]?.restarts === 1 && (await product.readiness()).ready,
    );
    expect(await served(product)).toBe(fingerprintOf(pair.cert));
  });
});

describe('TLS sessions', () => {
  it('are resumed at whichever worker the client comes back to', async () => {
    const pair = await selfSignedCertificate();
    await using product = await startProduct(
      { workers: 2, tls },
      { 'tls/cert.pem': pair.cert, 'tls/key.pem': pair.key },
    );
    const options = {
      port: Number(new URL(product.url('/')).port),
      host: '127.0.0.1',
      ca: pair.cert,
      maxVersion: 'TLSv1.2',
    } as const;
    const first = connect(options);
    const [session] = (await once(first, 'session')) as [Buffer];
    first.destroy();
    for (let i = 0; i < 16; i++) {
      const again = connect({ ...options, session });
      await once(again, 'secureConnect');
      expect(again.isSessionReused()).toBe(true);
      again.destroy();
    }
  });
});
