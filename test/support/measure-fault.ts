import { ChatPublisher } from './chat-publisher.ts';
import { judge, recoveryMs, type Verdict } from './judge.ts';
import type { Product } from './start-product.ts';
import { RecoveringChat } from './recovering-chat.ts';
import { startAll, stopAll } from './start-all.ts';
import { until } from './until.ts';

const subscribersPerNode = 3;
/** Of each publisher; there is one per node and room. */
const everyMs = 20;
/** Every subscriber hears so many publications before the fault, and again after it. */
const quiet = 25;

export interface MeasuredRoom {
  /** Its URL. */
  readonly url: string;
  /** Whether all that is accepted is expected to arrive; else publishers do not send again what was not answered. */
  readonly keeps: boolean;
}

/** What a fault did to one room. */
export interface FaultReport {
  readonly room: string;
  readonly sent: number;
  readonly accepted: number;
  readonly refused: number;
  /** Nobody ever said whether they were accepted. */
  readonly unknown: number;
  readonly verdicts: readonly Verdict[];
  /** In the same order: the node each subscriber was on when the fault began. */
  readonly nodes: readonly (string | undefined)[];
  /** From the end of the fault until every subscriber was given what was sent after it. */
  readonly recoveryMs: number;
}

export interface Scene {
  /** Of the room that was named first, those that are there. */
  readonly subscribers: readonly RecoveringChat[];
}

/**
 * Publishes at a constant rate through every node, to subscribers on every node, before, during and after a fault. One
 * subscriber of each room is away while it lasts.
 * @param fault resolves when what was broken is whole again
 */
export async function measureFault(
  what: string,
  products: readonly Product[],
  rooms: readonly MeasuredRoom[],
  fault: (scene: Scene) => Promise<unknown>,
): Promise<FaultReport[]> {
  const crowds = await startAll(rooms.map((room) => Crowd.gather(room, products)));
  try {
    for (const crowd of crowds) crowd.publish();
    await Promise.all(crowds.map((crowd) => crowd.hears(quiet, 0)));
    const absent = crowds.flatMap(({ subscribers }) => subscribers.slice(-1));
    await Promise.all(absent.map((subscriber) => subscriber.leave()));
    for (const crowd of crowds) crowd.notePlaces();
    await fault({ subscribers: crowds[0]?.subscribers.slice(0, -1) ?? [] });
    const whole = Date.now();
    for (const subscriber of absent) subscriber.comeBack();
    await Promise.all(crowds.map((crowd) => crowd.hears(quiet, whole)));
    return await Promise.all(
      crowds.map(async (crowd) => {
        await crowd.drain();
        const report = crowd.report(whole);
        console.info(describeReport(what, report));
        return report;
      }),
    );
  } finally {
    await stopAll(crowds);
  }
}

class Crowd implements AsyncDisposable {
  readonly subscribers: readonly RecoveringChat[];
  readonly #room: MeasuredRoom;
  readonly #urls: () => string[];
  readonly #products: readonly Product[];
  #publishers: ChatPublisher[] = [];
  #nodes: readonly (string | undefined)[] = [];

  static async gather(room: MeasuredRoom, products: readonly Product[]): Promise<Crowd> {
    const crowd = new Crowd(room, products);
    try {
      await until(() => crowd.subscribers.every(({ welcomes }) => welcomes > 0), { what: `${room.url}: all are in` });
      return crowd;
    } catch (error) {
      await crowd[Symbol.asyncDispose]();
      throw error;
    }
  }

  private constructor(room: MeasuredRoom, products: readonly Product[]) {
    this.#room = room;
    this.#products = products;
    this.#urls = () => products.map((product) => product.socketUrl(room.url));
    const names = Array.from({ length: subscribersPerNode * products.length }, (_, i) => `subscriber ${i + 1}`);
    this.subscribers = names.map((name, i) => new RecoveringChat({ name, urls: this.#urls, first: i }));
  }

  publish(): void {
    const { keeps: retries } = this.#room;
    this.#publishers = this.#products.map(
      (_, i) => new ChatPublisher({ name: `publisher ${i + 1}`, urls: this.#urls, first: i, everyMs, retries }),
    );
  }

  /** Where everybody is, before the fault sends some elsewhere. */
  notePlaces(): void {
    this.#nodes = this.subscribers.map(({ place }) => place?.node);
  }

  /** Until every subscriber has heard so many that were sent after this time. */
  async hears(count: number, since: number): Promise<void> {
    await until(
      () => {
        const after = new Set(this.#sent().flatMap(({ key, at }) => (at >= since ? [key] : [])));
        return this.subscribers.every(({ track }) => track.keys(after) >= count);
      },
      { deadlineMs: 60_000, everyMs: 100, what: `${this.#room.url}: everybody hears what is said` },
    );
  }

  /** Stops publishing, and waits a while for what is still to come; what does not is what the judge is for. */
  async drain(): Promise<void> {
    await Promise.all(this.#publishers.map((publisher) => publisher.stop()));
    const missing = ({ lost, untold }: Verdict): number => (this.#room.keeps ? lost : untold).length;
    const complete = (): boolean => this.#judge().every((verdict) => missing(verdict) === 0);
    await until(complete, { deadlineMs: 5_000, everyMs: 200 }).catch(() => {});
  }

  report(whole: number): FaultReport {
    const sent = this.#sent();
    const count = (wanted: string): number => sent.filter(({ outcome }) => outcome === wanted).length;
    const tracks = this.subscribers.map(({ track }) => track);
    return {
      room: this.#room.url,
      sent: sent.length,
      accepted: count('accepted'),
      refused: count('refused'),
      unknown: count('unknown'),
      verdicts: this.#judge(),
      nodes: this.#nodes,
      recoveryMs: recoveryMs(whole, sent, tracks) ?? Infinity,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await stopAll([...this.subscribers, ...this.#publishers]);
  }

  #judge(): Verdict[] {
    return judge(
      this.#sent(),
      this.subscribers.map(({ track }) => track),
    );
  }

  #sent(): ChatPublisher['sent'] {
    return this.#publishers.flatMap(({ sent }) => sent);
  }
}

function describeReport(what: string, report: FaultReport): string {
  const { room, sent, accepted, refused, unknown, verdicts } = report;
  const each = (count: (verdict: Verdict) => number): string => {
    const counts = verdicts.map(count);
    const [least, most] = [Math.min(...counts), Math.max(...counts)];
    return least === most ? String(least) : `${least} to ${most}`;
  };
  return [
    `${what} (${room}): sent ${sent}, accepted ${accepted}, refused ${refused}, unknown ${unknown}`,
    `each of ${verdicts.length} subscribers: received ${each(({ received }) => received)}`,
    `lost ${each(({ lost }) => lost.length)} (untold ${each(({ untold }) => untold.length)})`,
    `duplicated ${each(({ duplicated }) => duplicated.length)}, reordered ${each(({ reordered }) => reordered.length)}`,
    `told ${each(({ told }) => told.length)} times, recovered ${each(({ recoveries }) => recoveries)} times`,
    `all back ${report.recoveryMs} ms after the end of the fault`,
  ].join('; ');
}
