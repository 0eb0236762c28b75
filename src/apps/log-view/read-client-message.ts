import {
  backlogLines,
  epochUnits,
  refUnits,
  type LogViewClientMessage,
  type LogViewErrorCode,
  type LogViewErrorMessage,
  type LinesPosition,
} from './log-view-protocol.ts';

/** Reads one message of a JSON client; an `error` message is the answer to one that cannot be read. */
export function readClientMessage(text: string): LogViewClientMessage | LogViewErrorMessage {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return complaint('bad-message', 'the message is not JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return complaint('bad-message', 'the message is not an object');
  }
  const fields = value as Readonly<Record<string, unknown>>;
  const ref = fields['ref'];
  if (ref !== undefined && (typeof ref !== 'string' || ref.length > refUnits)) {
    return complaint('bad-message', `ref: expected a string of at most ${refUnits} characters`);
  }
  return readFields(fields, ref === undefined ? {} : { ref });
}

function readFields(
  fields: Readonly<Record<string, unknown>>,
  ref: { readonly ref?: string },
): LogViewClientMessage | LogViewErrorMessage {
  const bad = (message: string): LogViewErrorMessage => ({ ...complaint('bad-message', message), ...ref });
  switch (fields['type']) {
    case 'open': {
      const { log, tail, since } = fields;
      if (typeof log !== 'string') return bad('log: expected a string');
      if (tail !== undefined && !(isCount(tail) && tail <= backlogLines)) {
        return bad(`tail: expected a whole number from 0 to ${backlogLines}`);
      }
      if (since !== undefined && !isPosition(since)) {
        return bad('since: expected the position of a message, {"epoch": …, "offset": …}');
      }
      return { type: 'open', log, ...(tail === undefined ? {} : { tail }), ...(since && { since }), ...ref };
    }
    case 'severities':
      return { type: 'severities', ...ref };
    case 'severity': {
      const { name, on, node } = fields;
      if (typeof name !== 'string') return bad('name: expected a string');
      if (typeof on !== 'boolean') return bad('on: expected true or false');
      if (node !== undefined && typeof node !== 'string') return bad('node: expected the name of a node, or "*"');
      return { type: 'severity', name, on, ...(node === undefined ? {} : { node }), ...ref };
    }
    default:
      return bad('type: expected "open", "severities" or "severity"');
  }
}

function isPosition(value: unknown): value is LinesPosition {
  if (typeof value !== 'object' || value === null) return false;
  const { epoch, offset } = value as Readonly<Record<string, unknown>>;
  return typeof epoch === 'string' && epoch !== '' && epoch.length <= epochUnits && isCount(offset);
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

export function complaint(code: LogViewErrorCode, message: string, ref?: string): LogViewErrorMessage {
  return { type: 'error', code, message, ...(ref === undefined ? {} : { ref }) };
}
