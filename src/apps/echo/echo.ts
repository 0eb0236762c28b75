import type { Connection } from '../../gateway/connection.ts';
import type { HandshakeOptions } from '../../gateway/handshake-options.ts';
import type { App } from '../app.ts';
import type { AppOptions } from '../app-options.ts';
import { mountSocketApp } from '../mount-socket-app.ts';
import { EchoReader } from './echo-reader.ts';

/** Returns every message to its sender, text as text and binary as binary. */
export const echoApp: App<AppOptions> = {
  name: 'echo',
  mount: async (context, options) => {
    const { gateway } = context;
    const reader = new EchoReader();
    // Not the pull mode: there the answer to a message that came in one packet with a close frame would come too late.
    const handlers: HandshakeOptions = {
      onMessage: (connection: Connection, data, kind) => {
        gateway.send(connection, data, kind);
        reader.sent(connection);
      },
      onDrain: (connection) => reader.drained(connection),
      onClose: (connection) => reader.closed(connection),
      ...(options.limits === undefined ? {} : { limits: options.limits }),
    };
    for (const url of options.urls) {
      mountSocketApp(context, url, options, {
        accept: (request, entry) => void gateway.handshake(request, handlers, entry),
      });
    }
    return { close: async () => reader.close() };
  },
};
