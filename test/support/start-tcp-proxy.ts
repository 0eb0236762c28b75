import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { seededRandom } from './seeded-random.ts';

export type Direction = 'to server' | 'to client';

export interface StartedTcpProxy extends AsyncDisposable {
  readonly port: number;
  /** Whether new connections are taken; one that is not is reset. */
  isOpen: boolean;
  /** Connections taken so far. */
  readonly accepted: number;
  /** Lets nothing more through on the connections there are, and keeps them open: a network that has gone away. */
  freeze(): void;
  /**
   * A black hole: nothing more passes in this direction (default: in both), neither data nor the end of a connection,
   * on the connections there are and on new ones. As with TCP, it arrives late when the network is healed.
   */
  hold(direction?: Direction): void;
  /**
   * A black hole for one of the connections there are; the others and new ones are as before.
   * @param serverSidePort of the client, as the server sees it: `addr` of Redis' CLIENT LIST
   * @throws Error when there is no such connection
   */
  holdOne(serverSidePort: number): void;
  /** Half of the pieces that arrive, drawn by the seed, come this much later, and none overtakes another. */
  delayHalf(options: { readonly delayMs: number; readonly seed: number }): void;
  /** Resets the connections there are. */
  reset(): void;
  /** Undoes `hold`, `holdOne` and `delayHalf`. */
  heal(): void;
}

/** Stands between a client and a server on 127.0.0.1, for faults that neither of them makes. */
export async function startTcpProxy(targetPort: number): Promise<StartedTcpProxy> {
  const proxy = new TcpProxy(targetPort);
  await proxy.listen();
  return proxy;
}

class TcpProxy implements StartedTcpProxy {
  isOpen = true;
  accepted = 0;
  readonly #server: Server;
  readonly #lanes = new Set<Lane>();
  readonly #held = new Set<Direction>();
  #delay: (() => number) | undefined;

  constructor(targetPort: number) {
    this.#server = createServer({ allowHalfOpen: true }, (client) => {
      client.on('error', () => {});
      if (!this.isOpen) return void client.resetAndDestroy();
      this.accepted++;
      const upstream = connect({ port: targetPort, host: '127.0.0.1', allowHalfOpen: true });
      upstream.on('error', () => {});
      this.#join('to server', client, upstream, upstream);
      this.#join('to client', upstream, client, upstream);
    });
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
  }

  freeze(): void {
    for (const lane of this.#lanes) lane.freeze();
  }

  hold(direction?: Direction): void {
    for (const one of direction === undefined ? (['to server', 'to client'] as const) : [direction]) {
      this.#held.add(one);
    }
    for (const lane of this.#lanes) if (this.#held.has(lane.direction)) lane.hold();
  }

  holdOne(serverSidePort: number): void {
    const lanes = [...this.#lanes].filter(({ upstream }) => upstream.localPort === serverSidePort);
    if (lanes.length === 0) throw new Error(`no connection comes to the server from port ${serverSidePort}`);
    for (const lane of lanes) lane.hold();
  }

  delayHalf({ delayMs, seed }: { delayMs: number; seed: number }): void {
    const random = seededRandom(seed);
    this.#delay = () => (random() < 0.5 ? delayMs : 0);
  }

  reset(): void {
    for (const lane of this.#lanes) lane.reset();
  }

  heal(): void {
    this.#held.clear();
    this.#delay = undefined;
    for (const lane of this.#lanes) lane.flow();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const lane of this.#lanes) lane.reset();
    await closed;
  }

  #join(direction: Direction, from: Socket, to: Socket, upstream: Socket): void {
    const lane = new Lane(direction, { from, to, upstream }, () => this.#delay?.() ?? 0);
    this.#lanes.add(lane);
    from.on('close', () => this.#lanes.delete(lane));
    if (this.#held.has(direction)) lane.hold();
  }
}

/** One direction of one connection. What waits is a list of pieces, and at last the end. */
class Lane {
  readonly direction: Direction;
  /** The connection to the server, which is one of the two. */
  readonly upstream: Socket;
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #waiting: { readonly piece: Buffer | 'end' | 'gone'; readonly due: number }[] = [];
  #isHeld = false;
  #isFrozen = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    direction: Direction,
    { from, to, upstream }: { readonly from: Socket; readonly to: Socket; readonly upstream: Socket },
    delayMs: () => number,
  ) {
    this.direction = direction;
    this.upstream = upstream;
    this.#from = from;
    this.#to = to;
    const arrived = (piece: Buffer | 'end' | 'gone'): void => {
      this.#waiting.push({ piece, due: performance.now() + delayMs() });
      this.#pass();
    };
    from.on('data', arrived);
    from.on('end', () => arrived('end'));
    from.on('close', () => arrived('gone'));
    to.on('drain', () => this.#isHeld || from.resume());
  }

  hold(): void {
    this.#isHeld = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    // What the kernel has fills its buffers, and the sender's.
    this.#from.pause();
  }

  flow(): void {
    if (this.#isFrozen) return;
    this.#isHeld = false;
    this.#from.resume();
    this.#pass();
  }

  freeze(): void {
    this.#isFrozen = true;
    this.hold();
  }

  reset(): void {
    this.#isHeld = true;
    clearTimeout(this.#timer);
    for (const socket of [this.#from, this.#to]) if (!socket.destroyed) socket.resetAndDestroy();
  }

  /** Passes on what is due; one timer at a time keeps the order. */
  #pass(): void {
    while (!this.#isHeld && this.#timer === undefined) {
      const next = this.#waiting[0];
      if (next === undefined) return;
      const delayMs = next.due - performance.now();
      if (delayMs > 0) {
        this.#timer = setTimeout(() => {
          this.#timer = undefined;
          this.#pass();
        }, delayMs);
        return;
      }
      this.#waiting.shift();
      this.#hand(next.piece);
    }
  }

  #hand(piece: Buffer | 'end' | 'gone' | undefined): void {
    if (this.#to.destroyed || piece === undefined) return;
    if (piece === 'end') this.#to.end();
    else if (piece === 'gone') this.#to.destroySoon();
    else if (!this.#to.write(piece)) this.#from.pause();
  }
}
