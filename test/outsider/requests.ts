/** Requests that HTTP servers have read in more than one way; behind each stands another one. */
export const CANARY = '/v1/hello?smuggled';
const smuggled = `GET ${CANARY} HTTP/1.1\r\nHost: x\r\n\r\n`;
export const post = (headers: string, body = '') =>
  `POST /v1/find HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n${headers}\r\n\r\n${body}`;

export const SMUGGLED: Readonly<Record<string, string>> = {
  'two lengths': post('Content-Length: 2\r\nContent-Length: 99', `{}${smuggled}`),
  'a length and chunks': post(
    `Content-Length: 5\r\nTransfer-Encoding: chunked`,
    `0\r\n\r\n${smuggled}`,
  ),
  'chunks that are not the last coding': post(
    'Transfer-Encoding: chunked, identity',
    `0\r\n\r\n${smuggled}`,
  ),
  'a length with a sign': post('Content-Length: +2', `{}${smuggled}`),
  'a header that is folded': post(
    'Transfer-Encoding:\r\n chunked\r\nContent-Length: 4',
    `0\r\n\r\n${smuggled}`,
  ),
  'a space before the colon': post('Transfer-Encoding : chunked', `0\r\n\r\n${smuggled}`),
  'a bare line feed': post('X: y\nTransfer-Encoding: chunked', `0\n\n${smuggled}`),
  'a chunk that is longer than it says': post(
    'Transfer-Encoding: chunked',
    `1\r\nxx\r\n0\r\n\r\n${smuggled}`,
  ),
};

/** Paths of a file that is no blob. */
export const CLIMBING: Readonly<Record<string, string>> = {
  'a path that climbs':
    'GET /v1/blob/../../etc/passwd HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
  'an escaped path that climbs':
    'GET /v1/blob/%2e%2e%2f%2e%2e%2fetc%2fpasswd HTTP/1.1\r\nHost: x\r\n\r\n',
};
