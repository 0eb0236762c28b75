import { randomUUID } from 'node:crypto';
import type { ProbePlace } from './link-probe.ts';
import type { RedisLinkContext } from './dial-redis.ts';
import { RedisNode } from './redis-node.ts';
import type { RedisUnavailableError } from './redis-command-errors.ts';
import type { RedisAddress } from './redis-options.ts';
import { findPrimary } from './redis-sentinels.ts';
import type { RedisServers, RedisServersHooks } from './redis-servers.ts';
import { addressLabel } from './redis-settings.ts';
import { SentinelWatch } from './sentinel-watch.ts';

/** A standalone server, or the primary that the sentinels name. */
export class SingleServer implements RedisServers {
  readonly isSharded = false;
  readonly #node: RedisNode;
  readonly #watch: SentinelWatch | undefined;

  constructor(
    context: RedisLinkContext,
    hooks: RedisServersHooks,
    /** @param tag makes the place unique; in a cluster also puts it into a slot */
    probePlace: (tag: string) => ProbePlace,
  ) {
    const { settings, options } = context;
    const { sentinels } = options;
    const locate = async (signal: AbortSignal): Promise<RedisAddress> =>
      sentinels === undefined ? settings.address : await findPrimary(sentinels, options.connectTimeoutMs, signal);
    this.#node = new RedisNode({
      context,
      hooks: {
        onMessage: (held, payload) => hooks.onMessage(held, payload),
        onLive: (names) => hooks.onLive(names),
        onDropped: (names) => hooks.onDropped(names),
        onRefused: (held, error) => hooks.onRefused(held, this.#node, error),
        onMoved: () => {},
        onHealth: () => hooks.onHealth(),
      },
      locate,
      label: sentinels === undefined ? addressLabel(settings.address) : `"${sentinels.name}"`,
      probe: probePlace(randomUUID()),
    });
    if (sentinels !== undefined) {
      this.#watch = new SentinelWatch({
        sentinels,
        intervalMs: options.detectionMs / 4,
        timeoutMs: options.connectTimeoutMs,
        onPrimary: (address) => this.#node.relocate(addressLabel(address)),
      });
    }
  }

  get proven(): readonly RedisNode[] {
    return [this.#node];
  }

  get failure(): RedisUnavailableError | undefined {
    return this.#node.failure;
  }

  nodeOf(): RedisNode {
    return this.#node;
  }

  nodeAt(): undefined {
    return undefined;
  }

  moved(): void {}

  refresh(): void {}

  start(): void {
    this.#node.start();
    this.#watch?.start();
  }

  async close(): Promise<void> {
    await Promise.all([this.#node.close(), this.#watch?.close()]);
  }
}
