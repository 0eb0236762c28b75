import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { Product } from '../support/start-product.ts';

const preload = fileURLToPath(new URL('../support/signal-while-loading.mjs', import.meta.url));

/** Starts the product, which gets the signal when it is about to load that module. */
function signalled(signal: string, module: string): Promise<Product> {
  const env = { NODE_OPTIONS: `--import ${preload}`, SIGNAL: signal, SIGNAL_BEFORE: module };
  return Product.spawn({ workers: 0 }, {}, { env });
}

describe.each(['/cli/cli.js', '/server/serve.js'])('a signal before the program has loaded %s', (module) => {
  it.each(['SIGTERM', 'SIGINT'])('gives the start up: %s', async (signal) => {
    await using product = await signalled(signal, module);
    expect(await product.exited).toEqual({ code: 0, signal: null });
    expect([product.stdout, product.stderr]).toEqual(['', '']);
  });

  it.each(['SIGHUP', 'SIGUSR2'])('does no harm: %s', async (signal) => {
    await using product = await signalled(signal, module);
    await product.started();
    expect((await product.readiness()).ready).toBe(true);
    expect(await product.stop()).toEqual({ code: 0, signal: null });
  });
});

describe('a signal to another command', () => {
  it('ends it as it ends any program', async () => {
    const env = { NODE_OPTIONS: `--import ${preload}`, SIGNAL: 'SIGTERM', SIGNAL_BEFORE: '/cli/cli.js' };
    await using product = await Product.spawn({}, {}, { env, args: ['check'] });
    expect(await product.exited).toEqual({ code: null, signal: 'SIGTERM' });
  });
});
