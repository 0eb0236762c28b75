import type { IncomingMessage, ServerResponse } from 'node:http';
import { pagePermissions, pagePolicy } from './answer.ts';
import type { PageFile } from './page-files.ts';

/** Answers GET and HEAD with a file from memory, or with 304 when the client has it (RFC 9110 §13.1.2). */
export function answerPage(
  request: IncomingMessage,
  response: ServerResponse,
  file: PageFile,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.setHeader('Content-Security-Policy', pagePolicy);
  response.setHeader('Permissions-Policy', pagePermissions);
  // Kept, but asked for again each time: a 304 is cheap, and a new version is seen at once.
  response.setHeader('Cache-Control', 'no-cache');
  response.setHeader('ETag', file.etag);
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  if (hasTag(request.headers['if-none-match'], file.etag)) {
    response.statusCode = 304;
    response.end();
    return;
  }
  response.setHeader('Content-Type', file.contentType);
  response.setHeader('Content-Length', file.body.length);
  response.end(file.body);
}

/** Weak comparison (RFC 9110 §8.8.3.2): a proxy that compresses makes our tags weak. */
function hasTag(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  const tags = ifNoneMatch.split(',').map((tag) => tag.trim());
  return tags.some((tag) => tag === '*' || tag.replace(/^W\//, '') === etag);
}

/** Whether the client asks for HTML by name, as browsers do; the wildcard that tools send does not count. */
export function acceptsHtml(request: IncomingMessage): boolean {
  const ranges = request.headers.accept?.toLowerCase().split(',') ?? [];
  return ranges.some((range) => {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim());
    const isRefused = parameters.some((parameter) => /^q=0(?:\.0*)?$/.test(parameter));
    return (type === 'text/html' || type === 'application/xhtml+xml') && !isRefused;
  });
}
