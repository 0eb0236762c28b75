import { readFile, rename } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { startProduct, type Product } from '../support/start-product.ts';
import { until } from '../support/until.ts';

/** How many times the error log tells that a process has opened it anew. */
async function reopened(product: Product): Promise<number> {
  return (await product.logged()).split('"event":"logs-reopened"').length - 1;
}

describe.each([0, 2])('the logs, with %i worker processes', (workers) => {
  it('go on in new files after they were renamed and the primary got SIGUSR2', async () => {
    await using product = await startProduct({ workers });
    const file = (name: string): string => product.folder.file(`logs/${name}`);
    await fetch(product.url('/before'));
    await until(async () => (await readFile(file('access.log'), 'utf8')).includes('/before'));
    for (const name of ['access.log', 'error.log']) await rename(file(name), file(`${name}.1`));
    product.signal('SIGUSR2');
    // The primary and the workers; with none, the one worker within the primary.
    await until(async () => (await reopened(product)) === Math.max(2, workers + 1));

    // Each on a connection of its own, so that no worker answers them all.
    const count = 20;
    for (let i = 0; i < count; i++) await fetch(product.url('/after'), { headers: { connection: 'close' } });
    await until(async () => (await readFile(file('access.log'), 'utf8')).split('/after').length - 1 === count);
    expect(await readFile(file('access.log.1'), 'utf8')).not.toContain('/after');
    expect(await readFile(file('error.log.1'), 'utf8')).not.toContain('logs-reopened');
    expect(product.stderr).toBe('');
  });

  it('stay with the old files where the new ones cannot be opened', async () => {
    await using product = await startProduct({ workers });
    const folder = product.folder.file('logs');
    await rename(folder, `${folder}.old`);
    await rename(product.folder.file('carillon.json'), folder);
    product.signal('SIGUSR2');
    await until(() => product.stderr.includes('carillon: cannot write a log'));
    await fetch(product.url('/after'));
    await until(async () => (await readFile(`${folder}.old/access.log`, 'utf8')).includes('/after'));
    expect((await product.readiness()).ready).toBe(true);
  });
});
