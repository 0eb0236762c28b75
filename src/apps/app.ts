import type { Gateway } from '../gateway/gateway.ts';
import type { SubscriptionRule } from '../gateway/subscription-rules.ts';
import type { Router } from '../http/router.ts';
import type { PageFiles } from '../http/page-files.ts';
import type { Log } from '../lib/log.ts';
import type { Severities } from '../lib/severities.ts';

/**
 * An app owns URLs and decides what a client's messages mean. It is off until its configuration section lists `urls`.
 * An app that throws is logged and counted, and that connection closed; the worker lives on.
 */
export interface App<Options> {
  readonly name: string;
  /**
   * Rules for the app's own subscriptions, such as how much history they keep. They are built in: what the user has
   * configured for the same names goes before, field by field. Called before `mount`, and where rules are explained.
   */
  rules?(options: Options): readonly SubscriptionRule[];
  /** Called once per worker, with validated options. Rejecting keeps the worker from starting. */
  mount(context: AppContext, options: Options): Promise<MountedApp>;
}

export interface MountedApp {
  /** Stops what the app runs besides its connections; those the gateway closes. */
  close(): Promise<void>;
}

export interface AppContext {
  readonly gateway: Gateway;
  readonly router: Router;
  readonly log: Log;
  readonly node: NodeContext;
  /** The app's own page (HTML, script, style), from memory; undefined when the app has none. */
  readonly page: PageFiles | undefined;
}

/** What an app may know of and ask from the machine it runs on. */
export interface NodeContext {
  /** This node's name, unique in the cluster. */
  readonly name: string;
  /** Number of this worker on its node, from 1; 0 where there are no worker processes. */
  readonly worker: number;
  /** Switching one here switches it on every worker of the node. */
  readonly severities: Severities;
  /** Files of Carillon's own logs by log name, empty when logs go to standard output. */
  readonly ownLogs: Readonly<Record<string, string>>;
  /**
   * Runs `start` on exactly one worker of the node at a time: on this one when it is chosen, now or after the worker
   * that had the duty is gone.
   */
  takeTurns(duty: string, start: DutyStart): void;
}

/**
 * Begins a duty.
 * @param resumeFrom what the last worker that had the duty saved, undefined for the first
 * @param save keeps a state for whoever has the duty next; at most a few per second, at most 64 KiB
 * @returns what ends it in order
 */
export type DutyStart = (resumeFrom: string | undefined, save: (state: string) => void) => Promise<() => Promise<void>>;
