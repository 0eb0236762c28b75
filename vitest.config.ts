import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/debian-packages.ts', 'test/support/build-product.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: 'forks',
    // Most of what takes long waits for a server or a fault rather than for a core.
    maxWorkers: Math.max(3, availableParallelism()),
  },
});
