import { ChatPublisher, type Sent } from './chat-publisher.ts';
import { judge, type Verdict } from './judge.ts';
import { RecoveringChat } from './recovering-chat.ts';
import type { SoakNode } from './soak-node.ts';
import { stopAll } from './start-all.ts';
import type { Entry, Track } from './track.ts';
import { until } from './until.ts';

const clientsPerRoom = 6;
/** Of each publisher; there is one per node. */
const everyMs = 25;

/** What has not come after so long does not come. */
const settleMs = 20_000;

/** One room of the soak with its clients and publishers. Those whose names begin with `/kept` have a history. */
export class SoakRoom implements AsyncDisposable {
  readonly #room: string;
  readonly #clients: readonly RecoveringChat[];
  readonly #urls: () => string[];
  #publishers: readonly ChatPublisher[] = [];
  readonly #away = new Set<RecoveringChat>();

  constructor(room: string, nodes: readonly SoakNode[]) {
    this.#room = room;
    this.#urls = () => nodes.map((node) => node.socketUrl(room));
    this.#clients = Array.from(
      { length: clientsPerRoom },
      (_, i) => new RecoveringChat({ name: `${room} subscriber ${i + 1}`, urls: this.#urls, first: i }),
    );
  }

  get #keeps(): boolean {
    return this.#room.startsWith('/kept');
  }

  get isComplete(): boolean {
    return this.#clients.every(({ welcomes }) => welcomes > 0);
  }

  publish(): void {
    const retries = this.#keeps;
    const urls = this.#urls;
    this.#publishers = urls().map(
      (_, i) => new ChatPublisher({ name: `publisher ${i + 1}`, urls, first: i, everyMs, retries }),
    );
  }

  /** Whether every publisher has a connection and few open questions: no fault is under way. */
  get isCalm(): boolean {
    return this.#publishers.every(({ isCalm }) => isCalm);
  }

  /** @param draw 0 to 1: who comes or goes */
  async move(draw: number): Promise<void> {
    const client = this.#clients[Math.floor(draw * this.#clients.length)];
    // One that has never been in has nothing to continue from.
    if (client === undefined || client.welcomes === 0) return;
    if (this.#away.delete(client)) client.comeBack();
    else {
      this.#away.add(client);
      await client.leave();
    }
  }

  everybodyBack(): void {
    for (const client of this.#away) client.comeBack();
    this.#away.clear();
  }

  /**
   * Ends publishing, waits until everybody has everything that can be expected, and judges.
   * @param forgets whether the histories may have been lost
   */
  async settle(forgets: boolean): Promise<{ summary: string; problems: string[] }> {
    await Promise.all(this.#publishers.map((publisher) => publisher.stop()));
    const sent = this.#publishers.flatMap((publisher) => publisher.sent);
    const verdicts = (): Verdict[] =>
      judge(
        sent,
        this.#clients.map(({ track }) => track),
      );
    const mayLose = forgets || !this.#keeps;
    const wrong = ({ lost, untold, duplicated, reordered }: Verdict): [string, readonly string[]][] => [
      mayLose ? ['lost and not told', untold] : ['lost', lost],
      ['duplicated', duplicated],
      ['reordered', reordered],
    ];
    const isRight = (verdict: Verdict): boolean => wrong(verdict).every(([, keys]) => keys.length === 0);
    // Judging tens of thousands of publications takes seconds, in which no client here reads: not before all is there.
    const last = lastAccepted(sent);
    const hasAll = (): boolean => this.#clients.every(({ track }) => last.every((key) => track.has(key)));
    await until(hasAll, { deadlineMs: settleMs, everyMs: 100 }).catch(() => {});
    await until(() => verdicts().every(isRight), { deadlineMs: settleMs, everyMs: 5_000 }).catch(() => {});
    const found = verdicts();
    const problems = found.flatMap((verdict, i) =>
      wrong(verdict).flatMap(([what, keys]) => {
        const track = this.#clients[i]?.track;
        if (track === undefined || keys[0] === undefined) return [];
        return [
          `${track.name} (${this.#clients[i]?.state}): ${what}: ${keys.length} from ${keys[0]}: ${describeAround(track, keys[0])}`,
        ];
      }),
    );
    if (!mayLose) {
      for (const { subscriber, told } of found)
        if (told.length > 0) problems.push(`${subscriber}: told in vain: ${told.join(', ')}`);
    }
    const sum = (count: (verdict: Verdict) => number): number =>
      found.reduce((total, verdict) => total + count(verdict), 0);
    const accepted = sent.filter(({ outcome }) => outcome === 'accepted').length;
    const summary =
      `${this.#room}: sent ${sent.length}, accepted ${accepted}; ${found.length} subscribers together: ` +
      `received ${sum(({ received }) => received)}, lost and told ${sum(({ lost, untold }) => lost.length - untold.length)}, ` +
      `lost and not told ${sum(({ untold }) => untold.length)}, duplicated ${sum(({ duplicated }) => duplicated.length)}, ` +
      `reordered ${sum(({ reordered }) => reordered.length)}, recovered ${sum(({ recoveries }) => recoveries)} times, ` +
      `told ${sum(({ told }) => told.length)} times`;
    return { summary, problems };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await stopAll([...this.#clients, ...this.#publishers]);
  }
}

/** Of each publisher. */
function lastAccepted(sent: readonly Sent[]): string[] {
  const last = new Map<string, string>();
  for (const { publisher, key, outcome } of sent) if (outcome === 'accepted') last.set(publisher, key);
  return [...last.values()];
}

/** What the subscriber saw where it has this publication, or its predecessor. */
function describeAround(track: Track, key: string): string {
  const [publisher = '', number = ''] = key.split(':');
  const places = track.entries.flatMap((entry, index) =>
    entry.type === 'publication' && (entry.key === key || entry.key === `${publisher}:${Number(number) - 1}`)
      ? [index]
      : [],
  );
  return places
    .map((place) =>
      track.entries
        .slice(Math.max(0, place - 3), place + 6)
        .map(describeEntry)
        .join(', '),
    )
    .join(' … ');
}

function describeEntry(entry: Entry): string {
  if (entry.type === 'told') return `[${entry.why}]`;
  if (entry.type === 'recovered') return '[recovered]';
  const { epoch, offset } = entry.position ?? {};
  return offset === undefined ? entry.key : `${entry.key} at ${epoch}:${offset}`;
}
