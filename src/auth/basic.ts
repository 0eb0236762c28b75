import { createHmac, randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { BasicAuthOptions } from './auth-options.ts';
import type { Authenticator, Refusal, Verdict } from './authenticator.ts';
import { Gate, GateFullError } from './gate.ts';
import { verifyPassword } from './password-hash.ts';

interface Credentials {
  readonly user: string;
  readonly password: string;
}

/** Verified credentials remembered per app; the ones used longest ago go first. */
const rememberedCount = 1_000;

/**
 * Checking a password takes tens of milliseconds of a thread. The process has four for all its files, DNS and
 * compression: half of them are for passwords, whichever app asks, and about a second's worth may wait.
 */
const passwordGate = new Gate({ running: 2, waiting: 32 });

const busy: Refusal = {
  admitted: false,
  status: 503,
  headers: { 'Retry-After': '2' },
  text: 'Too many passwords are being checked at the moment; try again.\n',
};

/**
 * HTTP Basic (RFC 7617). A browser sends the password with each of its requests: credentials that were right once are
 * remembered, as a keyed hash, for as long as the process lives, which is as long as its configuration.
 */
export class BasicAuthenticator implements Authenticator {
  readonly #users: ReadonlyMap<string, string>;
  /** Unknown users are checked against this one, so that they take as long as known ones. */
  readonly #standIn: string | undefined;
  readonly #unauthorized: Refusal;
  readonly #key = randomBytes(32);
  readonly #remembered = new Set<string>();
  /** Checks under way: a page's requests come all at once. */
  readonly #pending = new Map<string, Promise<boolean>>();

  constructor({ users, realm = 'Carillon' }: BasicAuthOptions) {
    this.#users = new Map(Object.entries(users));
    [this.#standIn] = this.#users.values();
    this.#unauthorized = {
      admitted: false,
      status: 401,
      headers: { 'WWW-Authenticate': `Basic realm="${realm}", charset="UTF-8"` },
      text: 'A user name and a password are needed.\n',
    };
  }

  async authenticate(request: IncomingMessage): Promise<Verdict> {
    const credentials = readCredentials(request.headers.authorization);
    if (credentials === undefined) return this.#unauthorized;
    try {
      if (!(await this.#isRight(credentials))) return this.#unauthorized;
    } catch (error) {
      if (error instanceof GateFullError) return busy;
      throw error;
    }
    return { admitted: true, identity: { user: credentials.user } };
  }

  async #isRight({ user, password }: Credentials): Promise<boolean> {
    // A user name has no colon, so that the pair is unambiguous.
    const digest = createHmac('sha256', this.#key).update(`${user}:${password}`).digest('base64');
    if (this.#remembered.delete(digest)) {
      this.#remembered.add(digest);
      return true;
    }
    let check = this.#pending.get(digest);
    if (check === undefined) {
      check = this.#check(user, password).finally(() => this.#pending.delete(digest));
      this.#pending.set(digest, check);
    }
    const isRight = await check;
    if (isRight) this.#remember(digest);
    return isRight;
  }

  async #check(user: string, password: string): Promise<boolean> {
    const known = this.#users.get(user);
    const hash = known ?? this.#standIn;
    if (hash === undefined) return false;
    const matches = await passwordGate.run(() => verifyPassword(password, hash));
    return matches && known !== undefined;
  }

  #remember(digest: string): void {
    this.#remembered.add(digest);
    const [oldest] = this.#remembered;
    if (this.#remembered.size > rememberedCount && oldest !== undefined) this.#remembered.delete(oldest);
  }
}

/** Everything after the first colon is the password. Bytes that are no UTF-8 match nothing. */
function readCredentials(authorization = ''): Credentials | undefined {
  const encoded = /^basic +([A-Za-z0-9+/]+={0,2})$/i.exec(authorization.trim())?.[1];
  if (encoded === undefined) return undefined;
  const pair = Buffer.from(encoded, 'base64').toString();
  const colon = pair.indexOf(':');
  if (colon < 1) return undefined;
  return { user: pair.slice(0, colon), password: pair.slice(colon + 1) };
}
