import { STATUS_CODES, type ServerResponse } from 'node:http';

/** A short answer in plain text, such as a refusal. */
export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** A sentence or two for whoever reads it. */
  readonly text: string;
}

export const notFound: Answer = { status: 404, text: 'Not found.\n' };
/** Whoever comes back together is spread over these seconds. */
const mostRetrySeconds = 3;

/** The answer of a worker that leaves. */
export function stopping(): Answer {
  return {
    status: 503,
    headers: { 'Retry-After': String(1 + Math.floor(Math.random() * mostRetrySeconds)) },
    text: 'This worker is stopping; try again.\n',
  };
}

/** @param id that of the request: under it the error log says more */
export function internalError(id: string): Answer {
  return { status: 500, text: `Internal error; the request's id is ${id}.\n` };
}

export function onlyMethods(allow: string): Answer {
  return { status: 405, headers: { Allow: allow }, text: `Only ${allow}.\n` };
}

/**
 * A page may do nothing but use its own files and sockets, may not make code or markup of text, and may not be framed.
 */
export const pagePolicy: string =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

/** Of what a browser asks people's leave for, a page needs none. */
export const pagePermissions: string = ['camera', 'display-capture', 'geolocation', 'microphone', 'payment', 'usb']
  .map((feature) => `${feature}=()`)
  .join(', ');

/** On every answer; whoever answers with a page replaces the first two. */
export const standingHeaders: readonly (readonly [name: string, value: string])[] = [
  ['Content-Security-Policy', "default-src 'none'; frame-ancestors 'none'"],
  ['Cache-Control', 'no-store'],
  ['X-Content-Type-Options', 'nosniff'],
  ['X-Frame-Options', 'DENY'],
  ['Referrer-Policy', 'no-referrer'],
  ['Cross-Origin-Opener-Policy', 'same-origin'],
  ['Cross-Origin-Resource-Policy', 'same-origin'],
];

/** Under which header an answer says its request's id: the one in the access log and in the error log. */
export const requestIdHeader = 'X-Request-Id';

const textType = 'text/plain; charset=utf-8';

export function answerText(response: ServerResponse, { status, headers = {}, text }: Answer): void {
  response.statusCode = status;
  response.setHeader('Content-Type', textType);
  response.setHeader('Content-Length', Buffer.byteLength(text));
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  // Node takes a Connection header of ours for a wish to keep the connection.
  if (!response.shouldKeepAlive && headers['Connection'] !== undefined)
    response.setHeader('Connection', `${headers['Connection']}, close`);
  response.end(text);
}

/**
 * The whole answer as bytes, for sockets that have no `ServerResponse`. It says that the connection ends with it.
 * @param id of the request; absent: it is not told, so that one answer serves many
 */
export function rawAnswer({ status, headers = {}, text }: Answer, id?: string): Buffer {
  const fields: readonly (readonly [string, string])[] = [
    ['Date', new Date().toUTCString()],
    ['Connection', 'close'],
    ['Content-Type', textType],
    ['Content-Length', String(Buffer.byteLength(text))],
    ...(id === undefined ? [] : ([[requestIdHeader, id]] as const)),
    ...standingHeaders,
    ...Object.entries(headers),
  ];
  const head = fields.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  return Buffer.from(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${head}\r\n${text}`);
}
