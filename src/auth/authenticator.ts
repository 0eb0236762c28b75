import type { IncomingMessage } from 'node:http';
import type { Identity } from './identity.ts';

/** Finds out from a request's headers, target and peer who is connecting, and whether they may. */
export interface Authenticator {
  /**
   * Rejects only where the authenticator itself is broken; whoever may not connect is told so in the verdict. Where
   * there is nothing to wait for the verdict comes at once, and a handshake is over in the turn in which it came.
   */
  authenticate(request: IncomingMessage): Verdict | Promise<Verdict>;
}

export type Verdict = Admission | Refusal;

export interface Admission {
  readonly admitted: true;
  /** Absent: anybody may connect, and nobody asked who this is. */
  readonly identity?: Identity;
  /** For the answer to a page's request, such as a cookie that spares its scripts and sockets the question. */
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Refusal {
  readonly admitted: false;
  /** 401: other credentials may do. 403: none will. 503: cannot be decided at the moment. */
  readonly status: 401 | 403 | 503;
  readonly headers?: Readonly<Record<string, string>>;
  /** A sentence for whoever tries; it does not say which part of the credentials was wrong. */
  readonly text: string;
}
