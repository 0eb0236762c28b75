import type { SeverityState } from '../lib/severities.ts';

export interface ListenOptions {
  /** Address to bind to. Default 127.0.0.1. */
  readonly host: string;
  /** 0 picks a free one. Default 8080 (public) or 9080 (operations). */
  readonly port: number;
}

export interface TlsOptions {
  /** PEM file with the certificate chain; read again when it changes. */
  readonly cert: string;
  /** PEM file with the private key. */
  readonly key: string;
}

export interface LogOptions {
  /** Where `access.log` and `error.log` are written; `-` for standard output and standard error. Default "logs". */
  readonly directory: string;
  readonly severities: Partial<SeverityState>;
}

export interface DrainOptions {
  /** From the moment readiness turns red until new connections are refused, in seconds. Default 0. */
  readonly delay: number;
  /** Over how long connections are closed then, in seconds. Default 10. */
  readonly period: number;
}

export interface HttpOptions {
  /** Longest header section of a request, in bytes. Default 16 KiB. */
  readonly headerBytes: number;
  /** How long a client may take to send its request's headers, in milliseconds. Default 10,000. */
  readonly headersTimeoutMs: number;
  /** How long an idle keep-alive connection stays open, in milliseconds. Default 5,000. */
  readonly keepAliveTimeoutMs: number;
}
