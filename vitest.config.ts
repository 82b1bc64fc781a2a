import { defineConfig } from 'vitest/config';

// Walks of any length with a seed of their own: `npm run random`.
const random = process.env.VRIFT_STEPS === undefined ? ['test/random/**'] : [];

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/workspaces/**', 'node_modules/**', ...random],
    globalSetup: ['test/harness/global-setup.ts'],
    pool: 'forks',
    // Tests run real compilers: more workers than this only make them late.
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 120_000,
    teardownTimeout: 20_000,
  },
});
