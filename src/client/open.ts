/** `carillon/client` on Node. Browsers get `open-browser.ts`, which exports the same. */
import { openClient } from './client.ts';
import type { Client } from './client.ts';
import type { OpenOptions, OpenUrl } from './client-options.ts';
import { connectByWs } from './node-transport.ts';
import { resolveOptions } from './resolve-options.ts';

/**
 * Opens a WebSocket connection.
 * @param url absolute; http and https stand for ws and wss; a function is asked at each opening
 * @returns when the handshake is done; rejects with a `ClientError` when the first opening fails, also with
 *   `reconnect`, unless that says `fromStart`
 */
export async function open(url: OpenUrl, options: OpenOptions = {}): Promise<Client> {
  return openClient(resolveOptions(url, options), connectByWs);
}

export type { Client } from './client.ts';
export * from './client-errors.ts';
export type * from './client-options.ts';
