/** The transport of Node: the `ws` package. The only file of the client that imports it or anything of Node. */
import type { ClientRequest, IncomingMessage } from 'node:http';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import { WebSocket } from 'ws';
import {
  ConnectError,
  HandshakeError,
  InvalidOptionError,
  ProtocolError,
  SubprotocolError,
  TlsError,
} from './client-errors.ts';
import type { ClientError } from './client-errors.ts';
import type { Message, TlsOptions } from './client-options.ts';
import type { Flow, Target, Transport, TransportEvents } from './transport.ts';

const bodyCapBytes = 16 * 1024;

/** A server that vanished without a word is noticed this long after the last sign of it, plus the kernel's retries. */
const keepAliveDelayMs = 30_000;

export function connectByWs(target: Target, events: TransportEvents): Transport {
  return new NodeTransport(target, events);
}

class NodeTransport implements Transport {
  readonly flow: Flow;
  readonly #socket: WebSocket;
  readonly #target: Target;
  readonly #events: TransportEvents;
  /** How far the opening has come. ws reports all failures alike; this tells them apart. */
  #stage: 'connect' | 'tls' | 'answer' | 'open' | 'over' = 'connect';
  /** The answer to the handshake, from its arrival on. */
  #answer: IncomingMessage | undefined;
  #body: Buffer[] = [];
  #bodyBytes = 0;
  #protocolError: ProtocolError | undefined;

  constructor(target: Target, events: TransportEvents) {
    this.#target = target;
    this.#events = events;
    const { tls } = target;
    try {
      this.#socket = new WebSocket(target.url, [...target.subprotocols], {
        headers: { ...target.headers },
        maxPayload: target.messageBytes,
        // Made here, what is wrong with it is thrown here and not mistaken for a failed connection.
        ...(tls && { ...tls, secureContext: createSecureContext(secureContextOptions(tls)) }),
        finishRequest: (request) => this.#begin(request),
      });
    } catch (error) {
      // The URL and the subprotocols are checked already: what is left are headers and TLS material.
      throw new InvalidOptionError(`headers or tls cannot be used: ${describe(error)}`, {
        cause: error,
      });
    }
    this.flow = { pause: () => this.#socket.pause(), resume: () => this.#socket.resume() };
    this.#socket
      .on('unexpected-response', (_request, response) => this.#refused(response))
      .on('upgrade', (response) => {
        this.#answer = response;
        response.socket.setKeepAlive(true, keepAliveDelayMs);
      })
      .on('open', () => {
        this.#stage = 'open';
        events.opened(this.#socket.protocol);
      })
      .on('message', (data: Buffer, isBinary) => {
        if (this.#stage === 'open') events.message(isBinary ? data : data.toString());
      })
      .on('error', (error) => this.#erred(error))
      .on('close', (code, reason) => this.#closed(code, reason.toString()));
  }

  get bufferedBytes(): number {
    return this.#socket.bufferedAmount;
  }

  send(data: Message): boolean {
    if (this.#socket.readyState !== WebSocket.OPEN) return false;
    // The error of a failed write is the connection's end, which the close event tells.
    this.#socket.send(data, () => {});
    return true;
  }

  close(code: number, reason: string): void {
    this.#socket.close(code, reason);
  }

  abandon(): ClientError | undefined {
    const known = this.#stage === 'answer' && this.#answer !== undefined ? this.#handshakeError() : undefined;
    this.#stage = 'over';
    this.#socket.terminate();
    return known;
  }

  #begin(request: ClientRequest): void {
    request.on('socket', (socket) => {
      const isSecure = this.#target.url.startsWith('wss:');
      socket.on('connect', () => {
        if (this.#stage === 'connect') this.#stage = isSecure ? 'tls' : 'answer';
      });
      socket.on('secureConnect', () => {
        if (this.#stage === 'tls') this.#stage = 'answer';
      });
    });
    request.end();
  }

  #refused(response: IncomingMessage): void {
    this.#answer = response;
    const finish = (): void => {
      if (this.#stage !== 'answer') return;
      this.#fail(this.#handshakeError());
      this.#socket.terminate();
    };
    response.on('data', (chunk: Buffer) => {
      this.#body.push(chunk.subarray(0, bodyCapBytes - this.#bodyBytes));
      this.#bodyBytes += chunk.length;
      if (this.#bodyBytes >= bodyCapBytes) finish();
    });
    response.on('end', finish);
    // A body that breaks off is better than none.
    response.on('error', finish);
    response.on('close', finish);
  }

  #erred(error: Error): void {
    if (this.#stage === 'over') return;
    if (this.#stage === 'open') {
      const message = `${this.#target.displayUrl} sent what is not accepted: ${describe(error)}`;
      this.#protocolError ??= new ProtocolError(message, { cause: error });
      return;
    }
    this.#fail(this.#openingError(error));
  }

  #closed(code: number, reason: string): void {
    if (this.#stage === 'over') return;
    if (this.#stage !== 'open') {
      this.#fail(this.#openingError(new Error('the connection ended')));
      return;
    }
    this.#stage = 'over';
    const error = this.#protocolError;
    if (error === undefined) this.#events.closed(code, reason);
    else this.#events.closed(sentCloseCode(error), '', error);
  }

  #fail(error: ClientError): void {
    this.#stage = 'over';
    this.#events.failed(error);
  }

  #openingError(error: Error): ClientError {
    const { displayUrl, subprotocols } = this.#target;
    const options = { cause: error };
    if (this.#stage === 'connect')
      return new ConnectError(`cannot connect to ${displayUrl}: ${describe(error)}`, options);
    if (this.#stage === 'tls') return new TlsError(`no TLS with ${displayUrl}: ${describe(error)}`, options);
    if (this.#answer === undefined) {
      return new ConnectError(`${displayUrl} did not answer the handshake in HTTP: ${describe(error)}`, options);
    }
    const chosen = this.#answer.headers['sec-websocket-protocol'];
    if (
      this.#answer.statusCode === 101 &&
      (chosen === undefined ? subprotocols.length > 0 : !subprotocols.includes(chosen))
    ) {
      const found = chosen === undefined ? 'no subprotocol' : `the subprotocol ${JSON.stringify(chosen)}`;
      const expected = subprotocols.length === 0 ? 'none, as none was offered' : `one of ${subprotocols.join(', ')}`;
      return new SubprotocolError(`${displayUrl} chose ${found}; expected ${expected}`, options);
    }
    return this.#handshakeError(error);
  }

  /** @param error what ws found wrong with an answer of 101 */
  #handshakeError(error?: Error): HandshakeError {
    const { statusCode: status = 0, statusMessage = '', rawHeaders = [] } = this.#answer ?? {};
    const headers = new Headers();
    for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
      headers.append(rawHeaders[index] ?? '', rawHeaders[index + 1] ?? '');
    }
    // A streaming decoder leaves out a code point that the cap has cut.
    const body = new TextDecoder().decode(Buffer.concat(this.#body), { stream: true });
    const found = error === undefined ? '' : ` that is not valid: ${describe(error)}`;
    const firstLine = body.trimStart().split('\n', 1)[0]?.trim().slice(0, 200) ?? '';
    return new HandshakeError(
      `${this.#target.displayUrl} answered the handshake with ${`${status} ${statusMessage}`.trim()}${found}; expected ` +
        `101 Switching Protocols${firstLine === '' ? '' : `. It says: ${firstLine}`}`,
      { status, headers, body },
      error && { cause: error },
    );
  }
}

function secureContextOptions({ ca, cert, key }: TlsOptions): SecureContextOptions {
  return {
    ...(ca !== undefined && { ca: [ca].flat() }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
  };
}

/** The code that ws closes with after an error of its receiver; its close event says 1006. */
function sentCloseCode({ cause }: ProtocolError): number {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  if (code === 'WS_ERR_INVALID_UTF8') return 1007;
  if (code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH') return 1009;
  return 1002;
}

/** A name with several addresses fails with an `AggregateError` whose own message is empty. */
function describe(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(describe).join('; ');
  return error instanceof Error ? error.message : String(error);
}
