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
  readonly limits: ConnectionLimits;
  readonly heartbeat: HeartbeatOptions;
  readonly compression: CompressionOptions;
  /** How long an orderly close waits for the client's answer, in milliseconds. Default 5,000. */
  readonly closeTimeoutMs: number;
  /** What holds for which subscriptions. Default: no rules. */
  readonly subscriptions: readonly SubscriptionRule[];
  readonly recovery?: RecoveryOptions;
}

export const defaultRecovery: RecoveryOptions = Object.freeze({
  publications: 10_000,
  bytes: 1024 * 1024,
  patienceMs: 60_000,
});

export const defaultGatewayOptions: GatewayOptions = Object.freeze({
  limits: Object.freeze({ messageBytes: 1024 * 1024, outboxBytes: 4 * 1024 * 1024 }),
  heartbeat: Object.freeze({ intervalMs: 25_000 }),
  compression: Object.freeze({ enabled: false, thresholdBytes: 1024, level: 1 }),
  closeTimeoutMs: 5_000,
  subscriptions: Object.freeze([]),
  recovery: defaultRecovery,
});
