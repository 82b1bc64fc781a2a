import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/workspaces/**', 'node_modules/**'],
    globalSetup: ['test/harness/global-setup.ts'],
    pool: 'forks',
    // Tests run real compilers: more workers than this only make them late.
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 120_000,
    teardownTimeout: 20_000,
  },
});
