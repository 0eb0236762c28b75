import type { App } from '../app.ts';
import type { AppOptions } from '../app-options.ts';
import { mountSocketApp } from '../mount-socket-app.ts';
import { ChatRoom } from './chat-room.ts';

/** A room per URL. What clients send and are sent is described in docs/chat.md. */
export const chatApp: App<AppOptions> = {
  name: 'chat',
  mount: async (context, options) => {
    for (const url of options.urls) {
      const room = new ChatRoom(context, url, options);
      mountSocketApp(context, url, options, { accept: (request, entry) => room.accept(request, entry) });
    }
    return { close: async () => {} };
  },
};
