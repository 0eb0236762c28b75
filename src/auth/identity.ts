/** Who is connecting, as an authenticator found out. */
export interface Identity {
  readonly user: string;
  /** What the credentials say besides, for instance a token's claims. */
  readonly claims?: Readonly<Record<string, unknown>>;
}
