import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

export interface Compiled {
  /** URL of a compiled module of the store, for processes and threads of their own. */
  url(module: string): string;
  remove(): void;
}

/** Compiles the store to JavaScript: Node 20 runs no TypeScript outside of the test runner. */
export function compileStore(): Compiled {
  const root = join(import.meta.dirname, '../..');
  const out = mkdtempSync(join(tmpdir(), 'vrift-store-js-'));
  symlinkSync(join(root, 'node_modules'), join(out, 'node_modules'));
  writeFileSync(join(out, 'package.json'), '{"type":"module"}');
  writeFileSync(
    join(out, 'tsconfig.json'),
    JSON.stringify({
      extends: join(root, 'tsconfig.json'),
      compilerOptions: {
        rootDir: join(root, 'src'),
        outDir: out,
        noCheck: true,
        sourceMap: false,
        typeRoots: [join(root, 'node_modules/@types')],
      },
      include: [],
      files: [join(root, 'src/store/store.ts'), join(root, 'src/store/reader.ts')],
    }),
  );
  execFileSync(join(root, 'node_modules/.bin/tsc'), ['-p', join(out, 'tsconfig.json')]);
  return {
    url: (module) => pathToFileURL(join(out, 'store', module)).href,
    remove: () => rmSync(out, { recursive: true, force: true }),
  };
}
