import { extension, PerMessageDeflate } from 'ws';

/** What was agreed on, and what reads it. */
export interface Deflate {
  readonly inflater: Inflater;
  /** The value of the answer's `Sec-WebSocket-Extensions`. */
  readonly answer: string;
  /** Window size for what the server compresses: 8 to 15. */
  readonly windowBits: number;
}

/** Inflates one client's messages (RFC 7692 §7.2.2), by ws. */
export interface Inflater {
  /**
   * To be called for one fragment after the other.
   * @param isLast of its message
   * @param callback is given an error for what is not deflated data, or for what inflates to too much: see `isTooLong`
   */
  decompress(data: Buffer, isLast: boolean, callback: (error: Error | null, data: Buffer) => void): void;
  /** Frees what it has; to be called once, when nothing is under way. */
  cleanup(): void;
}

/**
 * Agrees to an offer of permessage-deflate, without context takeover on either side.
 * @param header the request's `Sec-WebSocket-Extensions`
 * @param messageBytes most that a message may inflate to
 * @returns undefined when it offers other extensions only
 * @throws Error for what is no such header, or an offer that cannot be agreed to
 */
export function negotiateDeflate(header: string, messageBytes: number): Deflate | undefined {
  const name = PerMessageDeflate.extensionName;
  const offers = extension.parse(header)[name];
  if (offers === undefined) return undefined;
  const inflater = new PerMessageDeflate({
    isServer: true,
    maxPayload: messageBytes,
    serverNoContextTakeover: true,
    clientNoContextTakeover: true,
    concurrencyLimit: 4,
  });
  inflater.accept(offers);
  const { params } = inflater;
  return {
    inflater,
    answer: extension.format({ [name]: [params] }),
    windowBits: params.server_max_window_bits ?? 15,
  };
}

/** Whether that is why it could not be inflated. */
export function isTooLong(error: NodeJS.ErrnoException): boolean {
  return error.code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH';
}
