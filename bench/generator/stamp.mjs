// What a publisher writes into a message so that a receiver knows it again: `~`, a kind, and three numbers in characters
// of five bits each, from '0' to 'O'. None of them needs escaping in JSON, and none is `~`.
//
//   ~ kind publisher(3) sequence(6) microseconds(7)

export const stampBytes = 18;
const marker = 0x7e;
const zero = 0x30;

/** Settling messages show that subscribers receive, warm-up ones are counted, measured ones are timed as well. */
export const kinds = { settle: 0x73, warmUp: 0x77, measured: 0x6d };

function digits(value, count) {
  let text = '';
  for (let i = 0; i < count; i++) {
    text = String.fromCharCode(zero + (value % 32)) + text;
    value = Math.floor(value / 32);
  }
  return text;
}

export function writeStamp(kind, publisher, sequence, microseconds) {
  return `~${String.fromCharCode(kind)}${digits(publisher, 3)}${digits(sequence, 6)}${digits(microseconds, 7)}`;
}

/** Where stamps were found last: nearly always the same place in every frame of one system. */
let usualPlace = 0;

/** @returns where the stamp begins, or -1 */
export function findStamp(bytes, start, end) {
  if (start + usualPlace + stampBytes <= end && bytes[start + usualPlace] === marker) return start + usualPlace;
  for (let at = start; at + stampBytes <= end; at++) {
    if (bytes[at] === marker) {
      usualPlace = at - start;
      return at;
    }
  }
  return -1;
}

export const stampKind = (bytes, at) => bytes[at + 1];
export const stampPublisher = (bytes, at) => number(bytes, at + 2, 3);
export const stampSequence = (bytes, at) => number(bytes, at + 5, 6);
export const stampMicroseconds = (bytes, at) => number(bytes, at + 11, 3) * 2 ** 20 + number(bytes, at + 14, 4);

function number(bytes, at, count) {
  let value = 0;
  for (let i = at; i < at + count; i++) value = (value << 5) | (bytes[i] - zero);
  return value;
}
