/** Fields of a JSON object, in UTF-8 and without its braces: made once for all messages that have them. */
export type FieldBytes = Buffer;

const comma = Buffer.from(',');
const end = Buffer.from('}');

/** @returns the message with these fields after its own, as UTF-8 */
export function withFields(message: { readonly type: string }, fields: readonly FieldBytes[]): Buffer {
  const parts: Buffer[] = [Buffer.from(JSON.stringify(message).slice(0, -1))];
  for (const field of fields) parts.push(comma, field);
  return Buffer.concat([...parts, end]);
}
