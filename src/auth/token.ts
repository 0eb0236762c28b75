import { createSecretKey, type KeyObject } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { errors, type JWTPayload, jwtVerify } from 'jose';
import { pathOf, queryOf } from '../lib/request-target.ts';
import type { TokenAuthOptions } from './auth-options.ts';
import type { Authenticator, Refusal, Verdict } from './authenticator.ts';
import { tokenSecret } from './token-secret.ts';

/** How far clocks may be apart when `exp` and `nbf` are checked. */
const clockToleranceSeconds = 5;

/** A compact JWS (RFC 7515 §7.1). jose passes over characters that are not base64url, and a cookie must not have them. */
const compactToken = /^[\w-]+\.[\w-]+\.[\w-]*$/;

interface Candidate {
  readonly token: string;
  readonly isFromQuery: boolean;
}

const noToken: Refusal = {
  admitted: false,
  status: 401,
  headers: { 'WWW-Authenticate': 'Bearer realm="Carillon"' },
  text: 'A token is needed.\n',
};

/** JWTs signed with HS256. The first token that is good, in the order header, cookie, query, decides who it is. */
export class TokenAuthenticator implements Authenticator {
  readonly #key: KeyObject;
  readonly #cookie: string;

  /** @throws SecretFileError */
  constructor(options: TokenAuthOptions) {
    this.#key = createSecretKey(Buffer.from(tokenSecret(options)));
    this.#cookie = options.cookie ?? 'carillon_token';
  }

  async authenticate(request: IncomingMessage): Promise<Verdict> {
    // Whoever has an old cookie and follows a link with a new token is let in by the token.
    let refusal = noToken;
    for (const candidate of this.#candidates(request)) {
      const verdict = await this.#verify(request, candidate);
      if (verdict.admitted) return verdict;
      if (refusal === noToken) refusal = verdict;
    }
    return refusal;
  }

  #candidates(request: IncomingMessage): readonly Candidate[] {
    const { authorization = '', cookie = '' } = request.headers;
    const bearer = /^bearer +(\S+)$/i.exec(authorization.trim())?.[1];
    const fromQuery = queryOf(request.url ?? '').get('token') ?? undefined;
    return [
      { token: bearer, isFromQuery: false },
      { token: readCookie(cookie, this.#cookie), isFromQuery: false },
      { token: fromQuery, isFromQuery: true },
    ].filter((candidate): candidate is Candidate => candidate.token !== undefined);
  }

  async #verify(request: IncomingMessage, { token, isFromQuery }: Candidate): Promise<Verdict> {
    if (!compactToken.test(token)) return invalidToken(malformed);
    let payload: JWTPayload;
    try {
      ({ payload } = await jwtVerify(token, this.#key, {
        algorithms: ['HS256'],
        clockTolerance: clockToleranceSeconds,
      }));
    } catch (error) {
      if (error instanceof errors.JOSEError) return invalidToken(describe(error));
      throw error;
    }
    const { sub } = payload;
    if (typeof sub !== 'string' || sub === '') return invalidToken('it names no user (sub)');
    const identity = { user: sub, claims: payload };
    return isFromQuery
      ? { admitted: true, identity, headers: this.#setCookie(request, token, payload) }
      : { admitted: true, identity };
  }

  /** A page opened with `?token=` fetches its files and opens its sockets without it; the cookie stands in. */
  #setCookie(request: IncomingMessage, token: string, { exp }: JWTPayload): Readonly<Record<string, string>> {
    const path = pathOf(request.url ?? '');
    const attributes = [`${this.#cookie}=${token}`, 'HttpOnly', 'SameSite=Strict'];
    // A path that cannot be written in the header is left out: the browser then takes the directory of the page's URL.
    if (/^\/[^;\s]*$/.test(path)) attributes.push(`Path=${path}`);
    if (exp !== undefined) attributes.push(`Max-Age=${Math.max(0, exp - Math.floor(Date.now() / 1000))}`);
    if ('encrypted' in request.socket) attributes.push('Secure');
    return { 'Set-Cookie': attributes.join('; ') };
  }
}

/** RFC 6750 §3.1. */
function invalidToken(reason: string): Refusal {
  return {
    admitted: false,
    status: 401,
    headers: { 'WWW-Authenticate': `Bearer realm="Carillon", error="invalid_token", error_description="${reason}"` },
    text: `The token is not valid: ${reason}.\n`,
  };
}

const malformed = 'it is malformed';

/** In our own words: a library's messages may quote what the client sent. */
function describe(error: errors.JOSEError): string {
  if (error instanceof errors.JWTExpired) return 'it has expired';
  if (error instanceof errors.JWTClaimValidationFailed)
    return error.claim === 'nbf' ? 'it is not valid yet' : 'a claim is malformed';
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'its signature does not match';
  if (error instanceof errors.JOSEAlgNotAllowed) return 'it is not signed with HS256';
  return malformed;
}

/** The first cookie of that name (RFC 6265 §5.4 sends the most specific path first). */
function readCookie(header: string, name: string): string | undefined {
  for (const pair of header.split(';')) {
    const equals = pair.indexOf('=');
    if (equals < 0 || pair.slice(0, equals).trim() !== name) continue;
    return pair
      .slice(equals + 1)
      .trim()
      .replace(/^"(.*)"$/, '$1');
  }
  return undefined;
}
