import { describe, expect, it } from 'vitest';
import { parseRemoteUrl } from '../../src/remote/url.js';

describe('the address of a remote', () => {
  it.each([
    [
      's3://company-build-cache/velo-l2',
      { kind: 's3', bucket: 'company-build-cache', prefix: 'velo-l2' },
    ],
    ['s3://abc', { kind: 's3', bucket: 'abc', prefix: '' }],
    ['S3://abc/x/y/', { kind: 's3', bucket: 'abc', prefix: 'x/y' }],
    [
      'http://build-cache.internal:8080',
      { kind: 'http', url: 'http://build-cache.internal:8080', tls: false },
    ],
    ['https://Host/a/b//', { kind: 'http', url: 'https://host/a/b', tls: true }],
    ['http://[::1]:80/', { kind: 'http', url: 'http://[::1]', tls: false }],
  ])('is read: %s', (text, remote) => {
    expect(parseRemoteUrl(text)).toEqual({ ok: true, remote });
  });

  it.each([
    ['build-cache:8080', 'no scheme'],
    ['', 'no scheme'],
    ['ftp://x', 'scheme ftp:// is unknown'],
    ['s3://', 'bucket is missing'],
    ['s3:///prefix', 'bucket is missing'],
    ['s3://A_B/x', 'cannot be the name of a bucket'],
    ['s3://10.0.0.1/x', 'cannot be the name of a bucket'],
    ['s3://a..b/x', 'cannot be the name of a bucket'],
    ['s3://key:secret@abc', 'credentials'],
    ['s3://abc/../x', '".." part'],
    ['s3://abc//x', '".." part'],
    ['s3://abc/x?y', 'no query'],
    ['http://', 'cannot be read'],
    ['http://host:99999', 'cannot be read'],
    ['http://ann:secret@host', 'credentials'],
    ['http://host/?token=1', 'no query'],
    ['http://a b', 'white space'],
  ])('is refused with a reason: %s', (text, problem) => {
    const parsed = parseRemoteUrl(text);
    expect(parsed).toMatchObject({ ok: false, problem: expect.stringContaining(problem) });
  });
});
