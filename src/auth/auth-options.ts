/** Who may reach an app. Absent: anybody. */
export type AuthOptions = BasicAuthOptions | TokenAuthOptions | LoopbackAuthOptions;

/** HTTP Basic (RFC 7617). */
export interface BasicAuthOptions {
  readonly type: 'basic';
  /** User name → password hash as `carillon hash-password` prints it; plain passwords are refused. */
  readonly users: Readonly<Record<string, string>>;
  /** Shown by browsers. Default "Carillon". */
  readonly realm?: string;
}

/** A JWT (RFC 7519) signed with HS256, in `Authorization: Bearer`, a cookie, or `?token=`; looked for in that order. */
export interface TokenAuthOptions {
  readonly type: 'token';
  /** The shared secret, at least 32 bytes (RFC 7518 §3.2). This or `secretFile`. */
  readonly secret?: string;
  /** File with the secret in one line; read at the start. */
  readonly secretFile?: string;
  /** Name of the cookie. Default "carillon_token". */
  readonly cookie?: string;
}

/** Only connections from this machine's loopback addresses, not forwarded by a proxy, to a loopback host name. */
export interface LoopbackAuthOptions {
  readonly type: 'loopback';
}
