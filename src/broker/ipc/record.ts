/**
 * The records that pass between the switch and its workers, described in docs/brokers.md. A record is its length
 * (u32, of all that follows), its type (u8) and its body; numbers are big-endian, strings are UTF-8 with their length
 * before them (u32). Both sides open with `hello`; every other record of a worker is a request, and the switch answers
 * requests in their order.
 */
export const recordType = {
  /** Both ways, first: magic and version. */
  hello: 1,
  /** Both ways, forwarded as it is: name, then what the switch does not look at (publication-codec.ts). */
  publication: 2,
  /** To the switch: names up to the end of the record. */
  subscribe: 3,
  /** To the switch: names. */
  unsubscribe: 4,
  /** To the switch: name, member. */
  enter: 5,
  /** To the switch: name, connection id. */
  leave: 6,
  /** To the switch: name, limit (u32), cursor (empty: the first page). Answered by `page`. */
  members: 7,
  /** To the worker: u32, how many more requests have been carried out. */
  accepted: 8,
  /** To the worker: cursor (empty: the last page), members. Answers the oldest open request. */
  page: 9,
  /** To the worker: names of which publications were dropped at this place. */
  gap: 10,
  /** To the worker: name, member. */
  joined: 11,
  /** To the worker: name, member. */
  updated: 12,
  /** To the worker: name, member. */
  left: 13,
  /** To the switch: a publication to be kept or published once (history-codec.ts). Answered by `kept` or `accepted`. */
  keep: 14,
  /** To the worker: the position of a publication that is kept. Answers the oldest open request. */
  kept: 15,
  /** To the worker: a publication with its position: name, position, then as in `publication`. */
  positioned: 16,
  /** To the switch: what to read of a history. Answered by `historyPage`. */
  read: 17,
  /** To the worker: position, publications. Answers the oldest open request. */
  historyPage: 18,
  /** To the switch: name. Answered by `stats`. */
  countMembers: 19,
  /** To the worker: connections (u32), users (u32). Answers the oldest open request. */
  stats: 20,
} as const;

/** "CRLN" and the version of the format. Primary and workers are of one installation; a mismatch ends the pipe. */
export const hello: Buffer = Buffer.from([0x43, 0x52, 0x4c, 0x4e, 3]);

/** Length and type. */
export const headerBytes = 5;

/** The longest record that is written or accepted; room for any message whose limit is a sane one. */
export const maxRecordBytes: number = 256 * 1024 * 1024;

/** What came over the pipe is not in the format; the pipe has to end. */
export class MalformedRecordError extends Error {
  readonly code = 'MALFORMED_RECORD';
}
