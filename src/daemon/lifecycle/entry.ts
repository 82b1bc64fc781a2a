import process from 'node:process';
import { toVriftError } from '../../base/errors.js';
import { runNode } from '../main.js';
import { writeReport } from './report.js';

/**
 * The program of a detached node: `node entry.js HOME REPORT`. It ends with 0 also when another
 * node was faster: that one serves this home.
 */
process.title = 'vriftd';
const [home = '', report = ''] = process.argv.slice(2);
try {
  await runNode({ home, env: process.env, foreground: false });
  process.exit(0);
} catch (error) {
  if (toVriftError(error).code === 'VRIFT_NODE_RUNNING') process.exit(0);
  writeReport(report, error);
  process.exit(1);
}
