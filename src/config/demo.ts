/**
 * What `carillon serve` runs where no file says otherwise. All of it is bound to 127.0.0.1 by default, and the logs ask
 * for a loopback address besides, so that another `--host` does not publish them.
 */
export const demoConfig: Readonly<Record<string, unknown>> = {
  apps: {
    chat: { urls: ['/websocket/chat'] },
    echo: { urls: ['/websocket/echo'] },
    'log-view': { urls: ['/admin/websocket/log-view'], auth: { type: 'loopback' } },
  },
};
