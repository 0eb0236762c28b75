/** Bounds of the public HTTP side. */
export interface HttpListenerOptions {
  /** Longest header section of a request, in bytes; a longer one is answered with 431. */
  readonly headerBytes: number;
  /** How long a client may take to send its request's headers, in milliseconds; a slower one is answered with 408. */
  readonly headersTimeoutMs: number;
  /** How long an idle keep-alive connection stays open, in milliseconds. */
  readonly keepAliveTimeoutMs: number;
}

/** What TLS needs, as read from the files: a PEM certificate chain and its PEM private key. */
export interface TlsKeyPair {
  readonly cert: string | Buffer;
  readonly key: string | Buffer;
  /** 48 bytes that listeners share for a client to resume its session at any of them; taken at the start only. */
  readonly ticketKeys?: Buffer;
}
