import type { IncomingMessage, ServerResponse } from 'node:http';
import { pathOf } from '../lib/request-target.ts';

/**
 * What answers one path. Both methods own the answer from then on; a rejection is logged and, where nothing was sent
 * yet, answered with 500.
 */
export interface Route {
  get?(request: IncomingMessage, response: ServerResponse): void | Promise<void>;
  /**
   * A WebSocket handshake on this path. The socket is `request.socket`; refuse with `refuseUpgrade`.
   * @param head first bytes after the request, usually none
   */
  upgrade?(request: IncomingMessage, head: Buffer): void | Promise<void>;
}

/** Exact paths to routes. */
export class Router {
  readonly #routes = new Map<string, Route>();

  /** @throws Error when the path is taken or does not begin with "/" */
  add(path: string, route: Route): void {
    if (!path.startsWith('/')) throw new Error(`route "${path}" does not begin with "/"`);
    if (this.#routes.has(path)) throw new Error(`two routes claim "${path}"`);
    this.#routes.set(path, route);
  }

  /** @param target the request target as received: a path or a whole URL, with or without a query */
  find(target: string): Route | undefined {
    return this.#routes.get(pathOf(target));
  }
}
