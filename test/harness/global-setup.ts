import { execFileSync } from 'node:child_process';
import type { TestProject } from 'vitest/node';
import { PROJECT_ROOT } from './project.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** Why dist/ and bin/ could not be built, or null. */
    buildError: string | null;
  }
}

/**
 * Tests that start nodes and launchers use what a user would: dist/ and bin/, built once. When
 * that fails only those tests fail, each with the reason; pure ones still say what they know.
 */
export default function buildOnce(project: TestProject): void {
  try {
    execFileSync(process.execPath, ['bin/build.mjs'], { cwd: PROJECT_ROOT, stdio: 'pipe' });
    project.provide('buildError', null);
  } catch (error) {
    const { stderr } = error as { stderr?: Buffer };
    project.provide('buildError', stderr?.toString() || String(error));
  }
}
