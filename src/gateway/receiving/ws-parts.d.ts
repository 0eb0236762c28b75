// What ws exports and its type declarations do not have yet.
import type { PerMessageDeflateOptions } from 'ws';

declare module 'ws' {
  /** What was agreed on, as it stands in the answer's header (RFC 7692 §7.1). */
  interface DeflateParams {
    readonly server_max_window_bits?: number;
  }

  class PerMessageDeflate {
    static readonly extensionName: string;
    readonly params: DeflateParams;
    constructor(options: PerMessageDeflateOptions & { isServer: boolean; maxPayload: number });
    /** @throws Error when none of the offers can be agreed to */
    accept(offers: readonly object[]): DeflateParams;
    decompress(data: Buffer, isLast: boolean, callback: (error: Error | null, data: Buffer) => void): void;
    cleanup(): void;
  }

  const extension: {
    /** @throws SyntaxError */
    parse(header: string): Readonly<Record<string, readonly object[] | undefined>>;
    format(extensions: Readonly<Record<string, readonly object[]>>): string;
  };

  const subprotocol: {
    /** @throws SyntaxError */
    parse(header: string): ReadonlySet<string>;
  };
}
