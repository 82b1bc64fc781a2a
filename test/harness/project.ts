import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const PROJECT_ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

export const inProject = (...parts: string[]): string => join(PROJECT_ROOT, ...parts);
