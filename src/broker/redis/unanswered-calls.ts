/** What the watch knows of a call. */
export interface AwaitedCall {
  /** When it is given up, by `performance.now()`. */
  readonly deadlineMs: number;
}

/** How many times as long a call may take where others are being answered. */
const patienceFactor = 5;

interface Awaited<Call> {
  readonly calls: Set<Call>;
  /** Since when the server owes an answer: it gave the last one, or was asked the first of these. */
  sinceMs: number;
}

/**
 * The calls that servers have not answered. Gives up what a silent server has not answered in time; one that is behind
 * with a burst answers, and what is under way there may take five times as long, since its turn will come.
 */
export class UnansweredCalls<Server, Call extends AwaitedCall> {
  readonly #timeoutMs: number;
  readonly #giveUp: (call: Call, server: Server) => void;
  readonly #servers = new Map<Server, Awaited<Call>>();

  /** @param timeoutMs of a call, and how long a server may say nothing until it counts as silent */
  constructor(timeoutMs: number, giveUp: (call: Call, server: Server) => void) {
    this.#timeoutMs = timeoutMs;
    this.#giveUp = giveUp;
  }

  sent(call: Call, server: Server, nowMs: number): void {
    let awaited = this.#servers.get(server);
    if (awaited === undefined) this.#servers.set(server, (awaited = { calls: new Set<Call>(), sinceMs: nowMs }));
    else if (awaited.calls.size === 0) awaited.sinceMs = nowMs;
    awaited.calls.add(call);
  }

  answered(call: Call, server: Server, nowMs: number): void {
    const awaited = this.#servers.get(server);
    if (awaited === undefined) return;
    awaited.sinceMs = nowMs;
    awaited.calls.delete(call);
  }

  /** Gives up what is due. To be called a few times within the timeout, when the sockets have been read. */
  look(nowMs: number): void {
    for (const [server, { calls, sinceMs }] of this.#servers) {
      const isSilent = nowMs - sinceMs >= this.#timeoutMs;
      const graceMs = isSilent ? 0 : (patienceFactor - 1) * this.#timeoutMs;
      for (const call of calls) {
        if (nowMs < call.deadlineMs + graceMs) continue;
        calls.delete(call);
        this.#giveUp(call, server);
      }
      if (calls.size === 0) this.#servers.delete(server);
    }
  }

  clear(): void {
    this.#servers.clear();
  }
}
