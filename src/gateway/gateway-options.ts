import type { SubscriptionRule } from './subscription-rules.ts';

/** Per-connection bounds. Every one has a close code in `close-codes.ts`. */
export interface ConnectionLimits {
  /** Largest message a client may send, in bytes after decompression; a longer one closes with 1009. Default 1 MiB. */
  readonly messageBytes: number;
  /**
   * Most bytes that may wait for one client, the kernel's own buffer not counted; above it the connection is closed
   * with 1013, or what the subscription's policy for slow consumers says happens. One message is always taken when nothing else waits. Default 4 MiB.
   */
  readonly outboxBytes: number;
  /**
   * Most messages a client may send per second, pings and pongs among them, and two seconds' worth at once; more close
   * with 4502. 0: no limit, the default.
   */
  readonly messagesPerSecond: number;
  /**
   * Most bytes of messages a client may send per second, after decompression and with a frame header each, and two
   * seconds' worth at once; more close with 4502. One message is always taken where nothing came before it, whatever its size. 0: no limit, the default.
   */
  readonly bytesPerSecond: number;
  /** Most subscriptions one connection may be in; one more closes with 4503. 0: no limit. Default 1,000. */
  readonly subscriptions: number;
}

/** How many connections a user may have, and which of them are closed where there are more. */
export interface UserCapOptions {
  /** Open connections of one authenticated user in the whole cluster. 0: no cap, the default. */
  readonly connections: number;
  /** `reject`: the one that came last is closed with 4501. `close-oldest`: the one that came first, with 4504. */
  readonly excess: 'reject' | 'close-oldest';
}

export interface HeartbeatOptions {
  /**
   * How often each connection is pinged, in milliseconds; one that showed no sign of life between two pings is ended.
   * 0 switches the heartbeat off. Default 25,000.
   */
  readonly intervalMs: number;
}

/** permessage-deflate (RFC 7692), always without server context takeover so that a multicast is compressed once. */
export interface CompressionOptions {
  /** Default false. */
  readonly enabled: boolean;
  /** Messages below this many bytes are sent as they are. Default 1,024. */
  readonly thresholdBytes: number;
  /** zlib level, 1 (fast) to 9 (small). Default 1. */
  readonly level: number;
}

/** How large rooms send. */
export interface FanOutOptions {
  /**
   * Longest that a subscription with more than 250 subscribers on a worker gathers publications, to send them in one
   * write per subscriber, in milliseconds. It does so for twice as long as the fan-out before took, so that only one
   * that would take more than a third of the worker's time waits at all. 0: never. Default 20.
   */
  readonly gatherMs: number;
}

/** How much a client that comes back can be given at once, and how hard the gateway tries for those that stayed. */
export interface RecoveryOptions {
  /** Most publications for one client; with more, it is told that it missed something. Default 10,000. */
  readonly publications: number;
  /** Most bytes of their data. Default 1 MiB. */
  readonly bytes: number;
  /** How long history that cannot be read is asked for again before subscribers are told of a gap, in milliseconds. Default 60,000. */
  readonly patienceMs: number;
}

export interface GatewayOptions {
  /** What it leaves out has its default. */
  readonly limits: Partial<ConnectionLimits>;
  readonly accept?: { readonly perUser: UserCapOptions };
  readonly heartbeat: HeartbeatOptions;
  readonly compression: CompressionOptions;
  /** How long an orderly close waits for the client's answer, in milliseconds. Default 5,000. */
  readonly closeTimeoutMs: number;
  /** What holds for which subscriptions. Default: no rules. */
  readonly subscriptions: readonly SubscriptionRule[];
  readonly recovery?: RecoveryOptions;
  readonly fanOut?: FanOutOptions;
}

export const defaultRecovery: RecoveryOptions = Object.freeze({
  publications: 10_000,
  bytes: 1024 * 1024,
  patienceMs: 60_000,
});

export const defaultLimits: ConnectionLimits = Object.freeze({
  messageBytes: 1024 * 1024,
  outboxBytes: 4 * 1024 * 1024,
  messagesPerSecond: 0,
  bytesPerSecond: 0,
  subscriptions: 1_000,
});

export const defaultFanOut: FanOutOptions = Object.freeze({ gatherMs: 20 });

export const defaultUserCap: UserCapOptions = Object.freeze({ connections: 0, excess: 'reject' });

export const defaultGatewayOptions: GatewayOptions = Object.freeze({
  limits: defaultLimits,
  heartbeat: Object.freeze({ intervalMs: 25_000 }),
  compression: Object.freeze({ enabled: false, thresholdBytes: 1024, level: 1 }),
  closeTimeoutMs: 5_000,
  subscriptions: Object.freeze([]),
  recovery: defaultRecovery,
  fanOut: defaultFanOut,
});
