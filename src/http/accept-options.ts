/** How many WebSocket handshakes and connections a worker takes. */
export interface AcceptOptions {
  /** Handshakes per second; above it they are answered with 503. 0: no limit. */
  readonly rate: number;
  /** How many may come at once after a rest. */
  readonly burst: number;
  /** Most open connections; above it handshakes are answered with 503. 0: no cap. */
  readonly connections: number;
  /** Most open connections of one address, or of one /64 of IPv6; above it handshakes are answered with 429. 0: no cap. */
  readonly perAddress: number;
  /** Addresses, or networks such as 10.0.0.0/8, of proxies whose X-Forwarded-For is believed. */
  readonly trustedProxies: readonly string[];
}

/**
 * A handshake takes 0.15 to 0.35 ms of its worker, with what the apps do then, so that this rate leaves it two thirds of
 * its time; and a burst that comes in one turn of the event loop does not keep the others waiting for long.
 */
export const defaultAcceptOptions: AcceptOptions = Object.freeze({
  rate: 1_000,
  burst: 200,
  connections: 0,
  perAddress: 0,
  trustedProxies: Object.freeze([]),
});
