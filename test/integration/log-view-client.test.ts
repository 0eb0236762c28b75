import { expect, it } from 'vitest';
import { logViewSubprotocol, type LogViewServerMessage } from '../../src/apps/log-view/log-view-protocol.ts';
import { LogViewClient } from '../support/log-view-client.ts';
import { startWebSocketServer } from '../support/start-web-socket-server.ts';
import { until } from '../support/until.ts';

it('what comes to a viewer together with the handshake is kept in its order, before what comes later', async () => {
  const lines = { type: 'lines', log: 'app', node: 'a', file: 'app.log' } as const;
  const early: readonly LogViewServerMessage[] = [
    { type: 'welcome', node: 'a', worker: 1, logs: ['app'], refresh: 250, tail: 100 },
    { type: 'severities', state: {}, canSet: true },
    { type: 'opened', log: 'app', files: [], backlog: 2 },
    { ...lines, lines: ['one'], backlog: true },
    { ...lines, lines: ['two'], backlog: true },
  ];
  const late: LogViewServerMessage = { ...lines, lines: ['three'] };
  await using server = await startWebSocketServer(
    (socket, request) => {
      for (const message of early) socket.send(JSON.stringify(message));
      request.socket.uncork();
      socket.on('message', () => socket.send(JSON.stringify(late)));
    },
    {
      // The answer to the handshake waits for the first messages: one write, and one read.
      handleProtocols: (_, request) => {
        request.socket.cork();
        return logViewSubprotocol;
      },
    },
  );
  await using viewer = await LogViewClient.open(server.url);
  expect(viewer.client.unread).toHaveLength(early.length);
  viewer.send({ type: 'severities' });
  await until(() => viewer.messages.length > early.length);
  expect(viewer.messages).toEqual([...early, late]);
  expect(viewer.lines).toEqual(['one', 'two', 'three']);
});
