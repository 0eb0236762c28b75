import type { HistoryRule } from '../../broker/broker.ts';
import type { App } from '../app.ts';
import type { SubscriptionAppOptions } from '../app-options.ts';
import { mountSocketApp } from '../mount-socket-app.ts';
import { ChatRoom } from './chat-room.ts';

/** What a room keeps, unless the user's rules say otherwise: enough for whoever lost the connection for a while. */
const roomHistory: HistoryRule = { size: 200, ttl: 600 };

/** A room per URL. What clients send and are sent is described in docs/chat.md. */
export const chatApp: App<SubscriptionAppOptions> = {
  name: 'chat',
  rules: ({ urls, slowConsumer }) =>
    urls.map((url) => ({
      pattern: url,
      history: roomHistory,
      presence: true,
      ...(slowConsumer === undefined ? {} : { slowConsumer }),
    })),
  mount: async (context, options) => {
    for (const url of options.urls) {
      const room = new ChatRoom(context, url, options);
      mountSocketApp(context, url, options, { accept: (request, entry) => room.accept(request, entry) });
    }
    return { close: async () => {} };
  },
};
