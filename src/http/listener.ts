import { createServer, type IncomingMessage, type Server, ServerResponse } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import type { Socket } from 'node:net';
import { createSecureContext } from 'node:tls';
import type { Duplex } from 'node:stream';
import { idGenerator } from '../lib/ids.ts';
import type { Log } from '../lib/log.ts';
import { plainAddress } from '../lib/plain-address.ts';
import type { Counts } from '../metrics/counts.ts';
import { type AccessWriter, logAnswer, logMalformed } from './access-log.ts';
import { maskTokens } from './access-line.ts';
import {
  type Answer,
  answerText,
  internalError,
  notFound,
  onlyMethods,
  rawAnswer,
  requestIdHeader,
  standingHeaders,
  stopping,
} from './answer.ts';
import type { TrustedProxies } from './client-address.ts';
import type { Doorkeeper } from './doorkeeper.ts';
import { endSocket, ignoreError } from './end-socket.ts';
import type { HttpListenerOptions, TlsKeyPair } from './http-options.ts';
import { ListenerRequest, requestIdOf } from './listener-request.ts';
import { Newcomers } from './newcomers.ts';
import { PendingAnswers } from './pending-answers.ts';
import { refuseUpgrade, turnAway } from './refuse-upgrade.ts';
import type { Router } from './router.ts';
import { TurnBudget } from './turn-budget.ts';
import { UpgradeEntry } from './upgrade-entry.ts';

export interface HttpListenerParts {
  readonly router: Router;
  readonly log: Log;
  /** Absent: no access log. */
  readonly access?: AccessWriter;
  /** Where refused handshakes and failing routes are counted. */
  readonly counts?: Counts;
  /** Who may come in. Absent: everybody. */
  readonly door?: Doorkeeper;
  /** Whose word is taken for who a client is. Absent: nobody's. */
  readonly proxies?: TrustedProxies;
  /** Absent: plain HTTP. */
  readonly tls?: TlsKeyPair;
}

const malformed: Readonly<Record<string, Answer>> = {
  HPE_HEADER_OVERFLOW: { status: 431, text: "The request's header section is too long.\n" },
  ERR_HTTP_REQUEST_TIMEOUT: { status: 408, text: 'The request took too long to arrive.\n' },
};
const badRequest: Answer = { status: 400, text: 'The request is malformed.\n' };
const withBody: Answer = { status: 400, text: 'A WebSocket handshake has no body.\n' };
const noSocketHere: Answer = {
  status: 426,
  headers: { Upgrade: 'websocket' },
  text: 'This is a WebSocket endpoint.\n',
};
const unknownExpectation: Answer = { status: 417, text: 'Only "Expect: 100-continue" is understood.\n' };
const methods = 'GET, HEAD';

/** Handshakes that are answered in one turn of the event loop, whatever the answer: some ten milliseconds. */
const handshakesPerTurn = 64;
const targetCharacters = 2_048;

/**
 * The public HTTP side of a worker: takes the connections that somebody else accepts, bounds what clients may send
 * before they are known, and hands requests and handshakes to the router's routes.
 */
export class HttpListener {
  readonly #router: Router;
  readonly #log: Log;
  readonly #access: AccessWriter | undefined;
  readonly #counts: Counts | undefined;
  readonly #door: Doorkeeper | undefined;
  readonly #proxies: TrustedProxies | undefined;
  readonly #server: Server<typeof ListenerRequest> | TlsServer<typeof ListenerRequest>;
  readonly #newcomers: Newcomers;
  readonly #pending = new PendingAnswers();
  readonly #handshakes = new TurnBudget(handshakesPerTurn);
  readonly #nextId = idGenerator();
  #isClosing = false;
  #isRefusing = false;
  #isWaning = false;

  /** @throws Error when certificate and key cannot be used */
  constructor(options: HttpListenerOptions, { router, log, access, counts, door, proxies, tls }: HttpListenerParts) {
    this.#router = router;
    this.#log = log;
    this.#access = access;
    this.#counts = counts;
    this.#door = door;
    this.#proxies = proxies;
    this.#newcomers = new Newcomers(tls !== undefined);
    const bounds = {
      IncomingMessage: ListenerRequest,
      maxHeaderSize: options.headerBytes,
      headersTimeout: options.headersTimeoutMs,
      // No route reads a body; what the headers announce must not keep the connection any longer.
      requestTimeout: options.headersTimeoutMs,
      keepAliveTimeout: options.keepAliveTimeoutMs,
      // Timeouts are noticed at these checks only.
      connectionsCheckingInterval: Math.max(20, Math.min(1_000, Math.floor(options.headersTimeoutMs / 4))),
    };
    this.#server =
      tls === undefined
        ? createServer(bounds)
        : createTlsServer({ ...bounds, ...tls, handshakeTimeout: options.headersTimeoutMs });
    // Bounded by bytes. Node's own limit drops fields silently, and with them what a proxy has added at the end.
    this.#server.maxHeadersCount = 0;
    this.#listen();
    // Node begins to check for slow requests when its server begins to listen, which this one never does.
    this.#server.emit('listening');
  }

  /** Takes a connection that was just accepted; best with `allowHalfOpen`, as Node's own HTTP server does. */
  take(socket: Socket): void {
    if (this.#isClosing) {
      socket.destroy();
      return;
    }
    socket.setNoDelay(true);
    this.#newcomers.expect(socket);
    this.#server.emit('connection', socket);
  }

  /**
   * New connections get this certificate.
   * @throws Error when the two do not belong together; the old ones stay
   */
  setTls({ cert, key }: TlsKeyPair): void {
    if (!('setSecureContext' in this.#server)) throw new Error('this listener was made without TLS');
    createSecureContext({ cert, key });
    this.#server.setSecureContext({ cert, key });
  }

  /** From here on whoever asks for something is told to come back, and where nothing is under way the connection ends. */
  refuse(): void {
    this.#isRefusing = true;
    this.wane();
  }

  /** From here on connections end with the answers under way or the next ones: somebody else takes the new ones. */
  wane(): void {
    this.#isWaning = true;
  }

  /**
   * Resolves when every connection that was taken has sent a request and no handshake is under way, after `deadlineMs` at
   * the latest: whoever is cut off before has been accepted for nothing.
   */
  async heardAll(deadlineMs: number): Promise<void> {
    await this.#newcomers.settled(deadlineMs);
  }

  /**
   * Takes no more connections and requests, lets the answers under way finish for at most `deadlineMs`, then closes what
   * is left. WebSocket connections are the gateway's to close.
   */
  async close(deadlineMs = 5_000): Promise<void> {
    this.#isClosing = true;
    // Its callback waits for WebSocket connections too.
    this.#server.close(ignoreError);
    this.#server.closeIdleConnections();
    await this.#pending.settled(deadlineMs);
    this.#server.closeAllConnections();
    // Those that Node has let go of for an upgrade.
    this.#pending.abandon();
  }

  #listen(): void {
    const request = (incoming: ListenerRequest, response: ServerResponse, refusal?: Answer): void =>
      this.#guard(incoming.socket, () => this.#request(this.#named(incoming), response, refusal));
    this.#server.on('request', (incoming, response) => request(incoming, response));
    // No "100 Continue": the final answer tells the client that its body is not wanted.
    this.#server.on('checkContinue', (incoming, response) => request(incoming, response));
    this.#server.on('checkExpectation', (incoming, response) => request(incoming, response, unknownExpectation));
    this.#server.on('upgrade', (incoming, socket, head) =>
      this.#guard(socket, () => this.#upgrade(this.#named(incoming), socket, head)),
    );
    this.#server.on('connect', (incoming, socket) =>
      this.#guard(socket, () => this.#refuseConnect(this.#named(incoming), socket)),
    );
    this.#server.on('clientError', (error, socket) => this.#guard(socket, () => this.#malformed(error, socket)));
  }

  /** What a listener of ours throws would end the process: it ends its connection instead. */
  #guard(socket: Duplex, listener: () => void): void {
    try {
      listener();
    } catch (error) {
      this.#log.error({ event: 'connection-failed', err: error }, 'a connection failed and was closed');
      socket.destroy();
    }
  }

  #named(request: ListenerRequest): ListenerRequest {
    request.id = this.#nextId();
    request.clientAddress = this.#proxies?.clientOf(request) ?? plainAddress(request.socket.remoteAddress ?? '');
    return request;
  }

  /** @param refusal given where the request is refused whatever its target */
  #request(request: IncomingMessage, response: ServerResponse, refusal?: Answer): void {
    const { socket } = request;
    this.#newcomers.heard(socket);
    this.#pending.add(
      socket,
      response,
      this.#access === undefined ? () => {} : logAnswer(this.#access, request, response),
    );
    for (const [name, value] of standingHeaders) response.setHeader(name, value);
    response.setHeader(requestIdHeader, requestIdOf(request));
    // A body is not read; the connection ends with the answer instead.
    if (this.#isClosing || this.#isWaning || hasBody(request)) response.shouldKeepAlive = false;
    const answer = refusal ?? (this.#isClosing || this.#isRefusing ? stopping() : this.#route(request, response));
    if (answer !== undefined) answerText(response, answer);
  }

  /** @returns what to answer where there is no route that does */
  #route(request: IncomingMessage, response: ServerResponse): Answer | undefined {
    const route = this.#router.find(request.url ?? '');
    if (route === undefined) return notFound;
    if (request.method !== 'GET' && request.method !== 'HEAD') return onlyMethods(methods);
    if (route.get === undefined) return noSocketHere;
    this.#run(
      request,
      () => route.get?.(request, response),
      () => {
        if (response.headersSent) response.destroy();
        else answerText(response, internalError(requestIdOf(request)));
      },
    );
    return undefined;
  }

  #upgrade(request: ListenerRequest, socket: Duplex, head: Buffer): void {
    if (request.headers.upgrade?.toLowerCase() !== 'websocket') {
      // Node hands the socket over without an error listener, and what follows may take its time.
      socket.on('error', ignoreError);
      return this.#inTurn(socket, () => this.#ignoreUpgrade(request));
    }
    this.#newcomers.expect(request.socket);
    const entry = new UpgradeEntry(request, this.#access, this.#counts);
    const door = this.#isClosing ? undefined : this.#door;
    const turnedAway = door?.admit(request.clientAddress);
    if (turnedAway === undefined && door?.keepsCount === true) entry.admittedBy(door);
    const answer = (): void => {
      // It left while it waited for its turn.
      if (socket.destroyed) return;
      if (turnedAway === undefined) this.#handshake(request, entry, head);
      else turnAway(request, turnedAway, head);
    };
    this.#inTurn(socket, () => this.#handshakes.run(() => this.#guard(socket, answer)));
    entry.awaitAnswer(() => this.#newcomers.heard(request.socket));
  }

  #handshake(request: IncomingMessage, entry: UpgradeEntry, head: Buffer): void {
    const route = this.#router.find(request.url ?? '');
    if (this.#isClosing || this.#isRefusing) return refuseUpgrade(request, stopping(), 'draining');
    if (route?.upgrade === undefined) return refuseUpgrade(request, notFound);
    if (request.method !== 'GET') return refuseUpgrade(request, onlyMethods('GET'));
    if (hasBody(request)) return refuseUpgrade(request, withBody);
    this.#run(
      request,
      () => route.upgrade?.(request, head),
      () => {
        if (entry.isAnswered) request.socket.destroy();
        else refuseUpgrade(request, internalError(requestIdOf(request)));
      },
    );
  }

  /**
   * Answers a request that offers another protocol, such as the h2c of `curl --http2`, as if it did not (RFC 9110 §7.8).
   * Node has let go of the connection by then, so it ends with the answer.
   */
  #ignoreUpgrade(request: IncomingMessage): void {
    const { socket } = request;
    const response = new ServerResponse(request);
    response.shouldKeepAlive = false;
    response.assignSocket(socket);
    response.once('finish', () => endSocket(socket));
    this.#request(request, response);
  }

  /** CONNECT asks for a proxy. */
  #refuseConnect(request: ListenerRequest, socket: Duplex): void {
    const entry = new UpgradeEntry(request, this.#access);
    this.#inTurn(socket, () => refuseUpgrade(request, onlyMethods(methods)));
    entry.awaitAnswer(() => this.#newcomers.heard(request.socket));
  }

  /** For sockets that Node hands out: earlier answers may still have to be written there. */
  #inTurn(socket: Duplex, answer: () => void): void {
    this.#pending.afterLast(socket, () => this.#guard(socket, answer));
  }

  #malformed(error: Error, socket: Duplex): void {
    const { code = '' } = error as NodeJS.ErrnoException;
    // A browser's spare connection that was never used is closed without a word.
    const isUnused = code === 'ERR_HTTP_REQUEST_TIMEOUT' && 'bytesRead' in socket && socket.bytesRead === 0;
    if (!socket.writable || code === 'ECONNRESET' || isUnused || this.#pending.isAnswering(socket)) {
      socket.destroy();
      return;
    }
    const answer = malformed[code] ?? badRequest;
    const id = this.#nextId();
    if (this.#access !== undefined) {
      logMalformed(this.#access, socket, { id, status: answer.status, bytes: Buffer.byteLength(answer.text) });
    }
    endSocket(socket, rawAnswer(answer, id));
  }

  /** Runs a route, which may fail at once or later. All routes are apps'. */
  #run(request: IncomingMessage, route: () => void | Promise<void>, answerFailure: () => void): void {
    const failed = (error: unknown): void => {
      const { url = '' } = request;
      const target = maskTokens(url.slice(0, targetCharacters)) + (url.length > targetCharacters ? '...' : '');
      this.#log.error(
        { event: 'route-error', request: requestIdOf(request), target, err: error },
        'a request could not be answered',
      );
      if (this.#counts !== undefined) this.#counts.appErrors++;
      this.#guard(request.socket, answerFailure);
    };
    try {
      const running = route();
      if (running instanceof Promise) running.catch(failed);
    } catch (error) {
      failed(error);
    }
  }
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) !== 0;
}
