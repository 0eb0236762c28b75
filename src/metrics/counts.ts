/**
 * What the message path counts: plain numbers, because a labelled counter costs a lookup per increment. The metrics
 * read them when they are scraped.
 */
export class Counts {
  /** Connections that are open now. */
  connections = 0;
  handshakesAccepted = 0;
  handshakesRefused = 0;
  messagesReceived = 0;
  bytesReceived = 0;
  /** Messages handed to sockets, direct sends and deliveries together. */
  messagesSent = 0;
  /** Bytes of those messages with their frame headers. */
  bytesSent = 0;
  multicastsAccepted = 0;
  multicastsRejected = 0;
  /** Publications handed to a subscriber, once per subscriber. */
  deliveries = 0;
  /** Names with at least one subscriber on this worker. */
  subscriptions = 0;
  /** Connections in subscriptions, once per subscription. */
  subscribers = 0;
  slowConsumers = 0;
  heartbeatsMissed = 0;
  gaps = 0;
  appErrors = 0;
  /** Close code → closed connections. Codes that clients and apps make up are counted by their thousand. */
  readonly closes: Map<string, number> = new Map();

  countClose(code: number): void {
    const label = code < 3000 ? String(code) : code < 4000 ? '3xxx' : '4xxx';
    this.closes.set(label, (this.closes.get(label) ?? 0) + 1);
  }
}
