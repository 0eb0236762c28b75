import type { Position } from '../../src/broker/broker.ts';
import type { Sent } from './chat-publisher.ts';
import type { Track } from './track.ts';

/** Why a subscriber without a position was told something: it has another connection. */
export const cameBack = 'reconnected';

/** What one subscriber got of what was published while it was there. */
export interface Verdict {
  readonly subscriber: string;
  readonly received: number;
  /** Accepted, or received by somebody else, and never received here. */
  readonly lost: readonly string[];
  /** Of these: nothing told the subscriber, between what it received before and after. */
  readonly untold: readonly string[];
  readonly duplicated: readonly string[];
  readonly reordered: readonly string[];
  /** Gap notices, and returns that recovered nothing. */
  readonly told: readonly string[];
  readonly recoveries: number;
}

/**
 * @param tracks of one subscription, all there until after the last publication, and from before the first one or from
 *   a known position
 */
export function judge(sent: readonly Sent[], tracks: readonly Track[]): Verdict[] {
  const kept = sent.filter(({ key, outcome }) => outcome === 'accepted' || tracks.some((track) => track.has(key)));
  const byKey = new Map(sent.map((one) => [one.key, one]));
  const positions = new Map<string, Position>();
  for (const { key, position } of sent) if (position !== undefined) positions.set(key, position);
  for (const entry of tracks.flatMap(({ entries }) => entries)) {
    if (entry.type === 'publication' && entry.position !== undefined) positions.set(entry.key, entry.position);
  }
  return tracks.map((track) => {
    const lost = kept.filter(({ key }) => !track.has(key) && !track.beganAfter(positions.get(key)));
    return {
      subscriber: track.name,
      received: track.entries.filter(({ type }) => type === 'publication').length,
      lost: lost.map(({ key }) => key),
      untold: untold(lost, track, byKey, positions),
      duplicated: duplicated(track),
      reordered: reordered(track, byKey),
      told: track.entries.flatMap((entry) => (entry.type === 'told' ? [entry.why] : [])),
      recoveries: track.entries.filter(({ type }) => type === 'recovered').length,
    };
  });
}

/**
 * Where there are no positions only what was heard on one connection counts: who comes back to another node, whose
 * connection to Redis is slow just now, hears the last publications again.
 */
function duplicated(track: Track): string[] {
  const seen = new Set<string>();
  const seenHere = new Set<string>();
  const twice: string[] = [];
  for (const entry of track.entries) {
    if (entry.type === 'told' && entry.why === cameBack) seenHere.clear();
    if (entry.type !== 'publication') continue;
    const { key, position } = entry;
    if (position === undefined ? seenHere.has(key) : seen.has(key)) twice.push(key);
    seen.add(key);
    seenHere.add(key);
  }
  return twice;
}

/**
 * By their positions where they have them; besides, the order on each publisher's connection. Left out of that is what
 * was sent again, and what was never answered: it may have been under way on a connection to Redis that was given up,
 * and what is sent on the next one can overtake it.
 */
function reordered(track: Track, byKey: ReadonlyMap<string, Sent>): string[] {
  const wrong: string[] = [];
  const last = new Map<string, number>();
  let epoch: string | undefined;
  let offset = 0;
  for (const entry of track.entries) {
    if (entry.type === 'told' && entry.why === cameBack) last.clear();
    if (entry.type !== 'publication') continue;
    const { key, position } = entry;
    if (position !== undefined) {
      if (position.epoch === epoch && position.offset <= offset) wrong.push(key);
      ({ epoch, offset } = position);
    }
    const sent = byKey.get(key);
    if (sent === undefined || !hasPlace(sent)) continue;
    if (sent.number < (last.get(lineOf(sent)) ?? 0)) wrong.push(key);
    last.set(lineOf(sent), sent.number);
  }
  return wrong;
}

/** Whether its number says where it stands: what was sent again stands where it was accepted at last. */
function hasPlace({ retries, outcome }: Sent): boolean {
  return retries === 0 && outcome !== 'unknown';
}

/** What is said on one connection is heard in its order; a later one can overtake it. */
function lineOf({ publisher, connection }: Sent): string {
  return `${publisher} ${connection}`;
}

/** Of what is lost: that for which nothing told the subscriber, between what it received before it and after it. */
function untold(
  lost: readonly Sent[],
  track: Track,
  byKey: ReadonlyMap<string, Sent>,
  positions: ReadonlyMap<string, Position>,
): string[] {
  if (lost.length === 0) return [];
  const byLine = new Map<string, Neighbour[]>();
  const byEpoch = new Map<string, Neighbour[]>();
  const tolds: number[] = [];
  for (const [index, entry] of track.entries.entries()) {
    if (entry.type === 'told') tolds.push(index);
    if (entry.type !== 'publication') continue;
    const { position } = entry;
    if (position !== undefined) append(byEpoch, position.epoch, { number: position.offset, index });
    const sent = byKey.get(entry.key);
    if (sent !== undefined && hasPlace(sent)) append(byLine, lineOf(sent), { number: sent.number, index });
  }
  const wasTold = (one: Sent): boolean => {
    const position = positions.get(one.key);
    let neighbours: readonly Neighbour[] | undefined;
    if (position !== undefined) neighbours = byEpoch.get(position.epoch);
    else if (hasPlace(one)) neighbours = byLine.get(lineOf(one));
    const next = firstAbove(neighbours ?? [], position?.offset ?? one.number);
    const from = neighbours?.[next - 1]?.index ?? -1;
    const to = neighbours?.[next]?.index ?? Infinity;
    return tolds.some((index) => from < index && index < to);
  };
  return lost.filter((one) => !wasTold(one)).map(({ key }) => key);
}

function append(lists: Map<string, Neighbour[]>, name: string, neighbour: Neighbour): void {
  const list = lists.get(name);
  if (list === undefined) lists.set(name, [neighbour]);
  else list.push(neighbour);
}

/** Where a publication stands in a track. */
interface Neighbour {
  /** Its offset in an epoch, or its publisher's number. */
  readonly number: number;
  readonly index: number;
}

/** The index of the first whose number is higher. They are in order, or `reordered` says so. */
function firstAbove(neighbours: readonly Neighbour[], number: number): number {
  let low = 0;
  let high = neighbours.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((neighbours[middle]?.number ?? Infinity) > number) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** From this time until every subscriber has received something that was sent after it; undefined: not all have. */
export function recoveryMs(since: number, sent: readonly Sent[], tracks: readonly Track[]): number | undefined {
  const after = new Set(sent.filter(({ at }) => at >= since).map(({ key }) => key));
  const times = tracks.map(
    (track) => track.entries.find((entry) => entry.type === 'publication' && after.has(entry.key))?.at,
  );
  if (times.some((at) => at === undefined)) return undefined;
  return Math.max(...times.map((at) => (at ?? since) - since));
}
