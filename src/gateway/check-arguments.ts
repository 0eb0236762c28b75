import type { HistoryQuery, Position } from '../broker/broker.ts';
import { quote } from '../lib/quote.ts';
import { ArgumentError } from './errors.ts';
import type { CompressionOptions } from './gateway-options.ts';

const longestIdBytes = 256;
/** In characters; brokers make far shorter ones. */
const longestEpoch = 256;

// What apps hand over often comes from their clients: the message names the argument and what was expected.

/** @throws ArgumentError */
export function checkPublicationId(id: string): void {
  if (typeof id !== 'string') throw new ArgumentError(`id: found ${shown(id)}, expected a string`);
  const bytes = Buffer.byteLength(id);
  if (bytes === 0 || bytes > longestIdBytes)
    throw new ArgumentError(`id: found ${bytes} bytes, expected 1 to ${longestIdBytes} bytes of UTF-8`);
}

/** @throws ArgumentError */
export function checkPosition(field: string, position: Position): void {
  if (typeof position !== 'object' || position === null)
    throw new ArgumentError(`${field}: found ${shown(position)}, expected a position {epoch, offset}`);
  const { epoch, offset } = position;
  if (typeof epoch !== 'string' || epoch === '' || epoch.length > longestEpoch)
    throw new ArgumentError(
      `${field}.epoch: found ${shown(epoch)}, expected a string of 1 to ${longestEpoch} characters`,
    );
  if (!isCount(offset))
    throw new ArgumentError(`${field}.offset: found ${shown(offset)}, expected an integer from 0 to 2^53 - 1`);
}

/** @throws ArgumentError */
export function checkHistoryQuery({ since, limit, reverse }: HistoryQuery): void {
  if (since !== undefined) checkPosition('since', since);
  if (!isCount(limit)) throw new ArgumentError(`limit: found ${shown(limit)}, expected an integer from 0`);
  if (reverse !== undefined && typeof reverse !== 'boolean')
    throw new ArgumentError(`reverse: found ${shown(reverse)}, expected true or false`);
}

/** Of a program that embeds Carillon; a configuration has been checked before. @throws ArgumentError */
export function checkCompression({ enabled, thresholdBytes, level }: CompressionOptions): void {
  if (typeof enabled !== 'boolean')
    throw new ArgumentError(`compression.enabled: found ${shown(enabled)}, expected true or false`);
  if (!isCount(thresholdBytes))
    throw new ArgumentError(`compression.thresholdBytes: found ${shown(thresholdBytes)}, expected an integer from 0`);
  if (!isCount(level) || level < 1 || level > 9)
    throw new ArgumentError(`compression.level: found ${shown(level)}, expected an integer from 1 to 9`);
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function shown(value: unknown): string {
  return typeof value === 'string' ? quote(value) : String(value);
}
