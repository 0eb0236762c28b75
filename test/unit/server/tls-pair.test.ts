import { copyFile, cp, mkdir, rename, symlink, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { silentLog } from '../../../src/lib/log.ts';
import { TlsPairWatcher, type TlsPair } from '../../../src/server/tls-pair.ts';
import { selfSignedCertificate } from '../../support/self-signed-certificate.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { until } from '../../support/until.ts';

interface Watched extends AsyncDisposable {
  readonly fresh: TlsPair;
  /** Pairs that were told of. */
  readonly got: readonly TlsPair[];
  file(name: string): string;
}

/** Watches `<dir>/cert.pem` and `<dir>/key.pem`; the folders v1 and v2 hold two pairs. */
async function watchPair(dir: string, prepare: (file: (name: string) => string) => Promise<void>): Promise<Watched> {
  const [old, fresh] = await Promise.all([selfSignedCertificate(), selfSignedCertificate()]);
  const folder = await temporaryFolder({
    'v1/cert.pem': old.cert,
    'v1/key.pem': old.key,
    'v2/cert.pem': fresh.cert,
    'v2/key.pem': fresh.key,
  });
  await prepare(folder.file);
  const options = { cert: folder.file(`${dir}/cert.pem`), key: folder.file(`${dir}/key.pem`) };
  const got: TlsPair[] = [];
  const watcher = await TlsPairWatcher.open(options, (pair) => got.push(pair), silentLog, { lookMs: 50 });
  expect(watcher.pair).toEqual(old);
  return {
    fresh,
    got,
    file: folder.file,
    async [Symbol.asyncDispose]() {
      await watcher.close();
      await folder[Symbol.asyncDispose]();
    },
  };
}

/** Puts a link in the place of another, at once. */
async function switchLink(path: string, target: string): Promise<void> {
  await symlink(target, `${path}.new`);
  await rename(`${path}.new`, path);
}

describe('the pair of certificate and key', () => {
  it('is read again when ..data is switched, as Kubernetes does with mounted secrets', async () => {
    await using watched = await watchPair('secret', async (file) => {
      await mkdir(file('secret'));
      await rename(file('v1'), file('secret/..1'));
      await rename(file('v2'), file('secret/..2'));
      await symlink('..1', file('secret/..data'));
      for (const name of ['cert.pem', 'key.pem']) await symlink(`..data/${name}`, file(`secret/${name}`));
    });
    await switchLink(watched.file('secret/..data'), '..2');
    await until(() => watched.got.length > 0);
    expect(watched.got).toEqual([watched.fresh]);
  });

  it('is read again when a link to its folder is switched', async () => {
    await using watched = await watchPair('current', (file) => symlink('v1', file('current')));
    await switchLink(watched.file('current'), 'v2');
    await until(() => watched.got.length > 0);
    expect(watched.got).toEqual([watched.fresh]);
  });

  it('is read again when its folder is renamed and made anew', async () => {
    await using watched = await watchPair('v1', async () => {});
    await rename(watched.file('v1'), watched.file('v0'));
    await cp(watched.file('v2'), watched.file('v1'), { recursive: true });
    await until(() => watched.got.length > 0);
    expect(watched.got).toEqual([watched.fresh]);
  });

  it('is read again although something else in the folder changes all the time', async () => {
    await using watched = await watchPair('v1', async () => {});
    const busy = setInterval(() => void writeFile(watched.file('v1/other.log'), String(performance.now())), 50);
    try {
      await copyFile(watched.file('v2/cert.pem'), watched.file('v1/cert.pem'));
      await copyFile(watched.file('v2/key.pem'), watched.file('v1/key.pem'));
      await until(() => watched.got.length > 0);
    } finally {
      clearInterval(busy);
    }
    expect(watched.got).toEqual([watched.fresh]);
  });
});
