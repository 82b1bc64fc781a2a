/** Where a remote tier lives, as `remote_url` names it. */
export type RemoteUrl =
  | {
      kind: 's3';
      bucket: string /** Without slashes at its ends; '' for the whole bucket. */;
      prefix: string;
    }
  | { kind: 'http' /** No slash at its end. */; url: string; tls: boolean };

export type ParsedRemote = { ok: true; remote: RemoteUrl } | { ok: false; problem: string };

/** AWS: 3 to 63 of a-z, 0-9, dot and hyphen, and a letter or digit at both ends. */
const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
const IP_ADDRESS = /^\d+\.\d+\.\d+\.\d+$/;

/** Reads `s3://BUCKET/PREFIX`, `http://HOST:PORT/PATH` or `https://…`. */
export function parseRemoteUrl(text: string): ParsedRemote {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)?.[1]?.toLowerCase();
  if (scheme === undefined) return problem('it has no scheme (s3://, http:// or https://)');
  if (/[\s\\]/.test(text)) return problem('it contains white space or a backslash');
  if (scheme === 's3') return parseS3(text.slice('s3://'.length));
  if (scheme === 'http' || scheme === 'https') return parseHttp(text);
  return problem(`the scheme ${scheme}:// is unknown (s3://, http:// and https:// are known)`);
}

function parseS3(rest: string): ParsedRemote {
  if (/[?#]/.test(rest)) return problem('an s3:// address takes no query and no fragment');
  const slash = rest.indexOf('/');
  const bucket = slash < 0 ? rest : rest.slice(0, slash);
  const prefix = slash < 0 ? '' : rest.slice(slash + 1).replace(/\/$/, '');
  if (bucket.includes('@')) return problem('credentials do not belong into it');
  if (bucket === '') return problem('the bucket is missing');
  if (!BUCKET.test(bucket) || bucket.includes('..') || IP_ADDRESS.test(bucket)) {
    return problem(`"${bucket}" cannot be the name of a bucket`);
  }
  if (prefix !== '' && prefix.split('/').some((part) => ['', '.', '..'].includes(part))) {
    return problem(`"${prefix}" has an empty, "." or ".." part`);
  }
  return { ok: true, remote: { kind: 's3', bucket, prefix } };
}

function parseHttp(text: string): ParsedRemote {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    return problem('host or port cannot be read');
  }
  if (url.username !== '' || url.password !== '')
    return problem('credentials do not belong into it');
  if (url.search !== '' || url.hash !== '') return problem('it takes no query and no fragment');
  const address = `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
  return { ok: true, remote: { kind: 'http', url: address, tls: url.protocol === 'https:' } };
}

function problem(text: string): ParsedRemote {
  return { ok: false, problem: text };
}
