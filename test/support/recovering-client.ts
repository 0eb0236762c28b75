import type { Position, Publication } from '../../src/broker/broker.ts';
import type { Subscribed, SubscribeOptions } from '../../src/gateway/calls.ts';
import type { Connection } from '../../src/gateway/connection.ts';
import type { Encoding } from '../../src/gateway/encoding.ts';
import type { Gateway } from '../../src/gateway/gateway.ts';
import type { TestClient } from './test-client.ts';

/** What a client is sent: a publication, the answer to its subscribing, or that something is missing. */
export type Seen =
  | { readonly type: 'publication'; readonly data: string; readonly position?: Position }
  | {
      readonly type: 'subscribed';
      readonly recovered: boolean;
      readonly reason?: string;
      readonly position?: Position;
    }
  | { readonly type: 'gap' };

/** Shows everything with its position. */
export const seeingEncoding: Encoding = {
  name: 'seeing',
  publication: (publication) => ({ kind: 'text', data: JSON.stringify(seen(publication)) }),
  gap: () => ({ kind: 'text', data: '{"type":"gap"}' }),
};

/** Subscribes as an app would: tells the client how it went, then what it missed, before anything live. */
export async function subscribeSeeing(
  gateway: Gateway,
  connection: Connection,
  name: string,
  options?: SubscribeOptions,
): Promise<Subscribed | undefined> {
  const subscribed = await gateway.subscribe(connection, name, options);
  if (subscribed === undefined) return undefined;
  const { publications, ...answer } = subscribed;
  gateway.send(connection, JSON.stringify({ type: 'subscribed', ...answer }));
  for (const publication of publications) gateway.send(connection, JSON.stringify(seen(publication)));
  return subscribed;
}

export async function readSeen(client: TestClient, count: number): Promise<Seen[]> {
  return (await client.take(count)).map((message) => JSON.parse(message.toString()) as Seen);
}

function seen({ data, position }: Publication): Seen {
  return { type: 'publication', data: data.toString(), ...(position === undefined ? {} : { position }) };
}
