import { WebSocket } from 'ws';

/** Opens one connection after the other, as fast as they are answered, and keeps account of those that were refused. */
export class ConnectingLoop {
  opened = 0;
  /** What went wrong, in words. */
  readonly refusals: string[] = [];
  readonly #url: string;
  readonly #over: Promise<void>;
  #goesOn = true;

  constructor(url: string) {
    this.#url = url;
    this.#over = this.#run();
  }

  async stop(): Promise<void> {
    this.#goesOn = false;
    await this.#over;
  }

  async #run(): Promise<void> {
    while (this.#goesOn) {
      const refusal = await this.#connect();
      if (refusal === undefined) this.opened++;
      else this.refusals.push(refusal);
    }
  }

  /** A connection that was opened may be closed at any time: only the opening counts. */
  #connect(): Promise<string | undefined> {
    return new Promise((resolve) => {
      const webSocket = new WebSocket(this.#url, { perMessageDeflate: false, handshakeTimeout: 20_000 });
      let refusal: string | undefined = 'it ended before it was open';
      webSocket.on('open', () => {
        refusal = undefined;
        webSocket.close();
      });
      webSocket.on('error', (error) => {
        if (refusal !== undefined) refusal = error.message;
      });
      webSocket.on('close', () => resolve(refusal));
    });
  }
}
