import { encodeFrame } from '../../src/wire/frame.js';

const call = {
  kind: 'call',
  v: 1,
  argv: ['rustc', '--crate-name', 'x'],
  cwd: '/',
  env: ['A=b'],
  umask: 18,
  pid: 1,
};
const done = { kind: 'done', made: [null, '1:2:3:4:5:644'] };
const ran = {
  kind: 'ran',
  code: 0,
  signal: null,
  stdout: '',
  stderr: '',
  made: [],
  ms: 1,
  startedNs: '1',
};
const rpc = { kind: 'rpc', method: 'stats', params: { reset: false } };
/** What launchers and commands say to a node. */
export const callFrames = [
  Buffer.concat([encodeFrame(call), encodeFrame(done)]),
  Buffer.concat([encodeFrame({ ...call, kind: 'script', program: '/x' }), encodeFrame(ran)]),
  encodeFrame(rpc),
];

export { rpc as statsRequest };
