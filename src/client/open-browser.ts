/** `carillon/client` in browsers. Exports what `open.ts` exports, and reaches neither `ws` nor anything of Node. */
import { connectByBrowser } from './browser-transport.ts';
import { openClient } from './client.ts';
import type { Client } from './client.ts';
import type { OpenOptions, OpenUrl } from './client-options.ts';
import { resolveOptions } from './resolve-options.ts';

declare const location: { readonly href: string };

/**
 * Opens a WebSocket connection.
 * @param url absolute, or relative to the page; http and https stand for ws and wss; a function is asked at each opening
 * @returns when the handshake is done; rejects with a `ClientError` when the first opening fails, also with
 *   `reconnect`, unless that says `fromStart`
 */
export async function open(url: OpenUrl, options: OpenOptions = {}): Promise<Client> {
  return openClient(resolveOptions(url, options, location.href), connectByBrowser);
}

export type { Client } from './client.ts';
export * from './client-errors.ts';
export type * from './client-options.ts';
