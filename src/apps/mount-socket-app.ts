import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Admission, Authenticator, Verdict } from '../auth/authenticator.ts';
import { createAuthenticator } from '../auth/create-authenticator.ts';
import { foreignOrigin, isOriginAllowed } from '../auth/origin.ts';
import type { HandshakeEntry } from '../gateway/handshake-options.ts';
import { nameUser } from '../http/access-log.ts';
import { type Answer, answerText, notFound } from '../http/answer.ts';
import { acceptsHtml, answerPage } from '../http/answer-page.ts';
import { clientAddressOf } from '../http/client-address.ts';
import { placePage } from '../http/load-page.ts';
import type { PageFile, PageFiles } from '../http/page-files.ts';
import { refuseUpgrade } from '../http/refuse-upgrade.ts';
import { upgradeEntryOf } from '../http/upgrade-entry.ts';
import { queryOf } from '../lib/request-target.ts';
import type { AppContext } from './app.ts';
import type { AppOptions } from './app-options.ts';
import { describeEndpoint } from './describe-endpoint.ts';

/** What an app gets with a handshake; it hands it on to `gateway.handshake` as it is. */
export interface SocketEntry extends HandshakeEntry {
  readonly head: Buffer;
  readonly query: URLSearchParams;
}

export interface SocketAppHandlers {
  /** Decides whether this request's target exists; false: 404 for page and socket alike. Default: all exist. */
  exists?(query: URLSearchParams): boolean;
  /**
   * Origin and auth have passed, the target exists: the app calls `gateway.handshake(request, …, entry)`. A throw or
   * rejection is logged and counted, and ends that connection.
   */
  accept(request: IncomingMessage, entry: SocketEntry): void | Promise<void>;
}

/**
 * Mounts one URL of an app: its page by GET at the URL and the page's files below it, its sockets at `<url>/connect`
 * and at the URL itself. Whoever is not allowed in is told so before anything else, so that a refusal does not reveal
 * what exists.
 */
export function mountSocketApp(
  context: AppContext,
  url: string,
  options: AppOptions,
  handlers: SocketAppHandlers,
): void {
  const mounted = new MountedUrl(context.page, url, options, handlers);
  const upgrade = (request: IncomingMessage, head: Buffer): void | Promise<void> => mounted.upgrade(request, head);
  const { router } = context;
  router.add(url, { get: (request, response) => mounted.getUrl(request, response), upgrade });
  router.add(`${mounted.base}/connect`, { get: (request, response) => mounted.getConnect(request, response), upgrade });
  for (const [name, file] of mounted.assets) {
    router.add(`${mounted.base}/${name}`, { get: (request, response) => mounted.getAsset(request, response, file) });
  }
}

class MountedUrl {
  /** The URL as a prefix: empty for "/". */
  readonly base: string;
  readonly assets: PageFiles;
  readonly #url: string;
  readonly #index: PageFile | undefined;
  readonly #origins: readonly string[] | undefined;
  readonly #authenticator: Authenticator;
  readonly #handlers: SocketAppHandlers;

  constructor(page: PageFiles | undefined, url: string, { auth, origins }: AppOptions, handlers: SocketAppHandlers) {
    this.#url = url;
    this.base = url === '/' ? '' : url;
    const placed = page === undefined ? new Map<string, PageFile>() : placePage(page, this.base);
    this.#index = placed.get('index.html');
    this.assets = new Map([...placed].filter(([name]) => name !== 'index.html'));
    this.#origins = origins;
    this.#authenticator = createAuthenticator(auth);
    this.#handlers = handlers;
  }

  /** Without a promise where there is nothing to wait for: most are judged and accepted at once. */
  upgrade(request: IncomingMessage, head: Buffer): void | Promise<void> {
    if (!isOriginAllowed(request, this.#origins)) return refuseUpgrade(request, foreignOrigin, 'origin');
    const judged = this.#authenticator.authenticate(request);
    if (judged instanceof Promise) return judged.then((verdict) => this.#accept(request, head, verdict));
    return this.#accept(request, head, judged);
  }

  /** The app's page for browsers, else an explanation. */
  async getUrl(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const admission = await this.#admit(request, response);
    if (admission === undefined || !this.#isThere(request, response)) return;
    response.setHeader('Vary', 'Accept');
    if (this.#index !== undefined && acceptsHtml(request))
      answerPage(request, response, this.#index, admission.headers);
    else answerText(response, this.#describe(request));
  }

  async getConnect(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const admission = await this.#admit(request, response);
    if (admission !== undefined && this.#isThere(request, response)) answerText(response, this.#describe(request));
  }

  async getAsset(request: IncomingMessage, response: ServerResponse, file: PageFile): Promise<void> {
    const admission = await this.#admit(request, response);
    if (admission !== undefined) answerPage(request, response, file);
  }

  #accept(request: IncomingMessage, head: Buffer, verdict: Verdict): void | Promise<void> {
    // It left meanwhile.
    if (request.socket.destroyed) return;
    if (!verdict.admitted) return refuseUpgrade(request, verdict);
    const { identity } = verdict;
    if (identity !== undefined) nameUser(request, identity.user);
    const query = queryOf(request.url ?? '');
    if (!this.#exists(query)) return refuseUpgrade(request, notFound);
    const watcher = upgradeEntryOf(request);
    return this.#handlers.accept(request, {
      head,
      query,
      address: clientAddressOf(request),
      ...(identity === undefined ? {} : { identity }),
      ...(watcher === undefined ? {} : { watcher }),
    });
  }

  /** @returns undefined when the client is not let in, and has been told so */
  async #admit(request: IncomingMessage, response: ServerResponse): Promise<Admission | undefined> {
    const verdict = await this.#authenticator.authenticate(request);
    if (!verdict.admitted) {
      answerText(response, verdict);
      return undefined;
    }
    if (verdict.identity !== undefined) nameUser(request, verdict.identity.user);
    return verdict;
  }

  #isThere(request: IncomingMessage, response: ServerResponse): boolean {
    const exists = this.#exists(queryOf(request.url ?? ''));
    if (!exists) answerText(response, notFound);
    return exists;
  }

  #exists(query: URLSearchParams): boolean {
    return this.#handlers.exists?.(query) ?? true;
  }

  #describe(request: IncomingMessage): Answer {
    return describeEndpoint(request, this.#url, this.#index !== undefined);
  }
}
