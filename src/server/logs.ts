import { once } from 'node:events';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { pino, type DestinationStream, type Level } from 'pino';
import type { Log } from '../lib/log.ts';
import { SampledLog } from '../lib/sampled-log.ts';
import { isSeverityName, type Severities } from '../lib/severities.ts';
import { redact, serializeError } from './redaction.ts';
import type { LogOptions } from './server-options.ts';

/** Carillon's own log files by name, absolute. */
type OwnLogs = Readonly<Record<'access' | 'error', string>>;

export interface Logs {
  /** The error log. What repeats is counted there, and credentials are masked. */
  readonly log: Log;
  /** Takes finished lines of the access log. */
  readonly access: DestinationStream;
  /** Empty where logs go to standard output. */
  readonly ownLogs: Partial<OwnLogs>;
  /** Goes on in the files that have the names now; those that were open may have been renamed. */
  reopen(): void;
  /** Writes out what is waiting, at once and synchronously. The files stay open: others may still have a last word. */
  flush(): void;
}

/** Access log lines leave when this many bytes or milliseconds have gathered. One write appends them whole. */
const accessBufferBytes = 8 * 1024;
const accessFlushMs = 250;
/** What may wait for a disk that does not take it; what comes then is dropped. */
const waitingCapBytes = 16 * 1024 * 1024;

/** Where the logs of these options lie; undefined: in no file. */
function ownLogsOf({ directory }: LogOptions): OwnLogs | undefined {
  if (directory === '-') return undefined;
  return { access: resolve(directory, 'access.log'), error: resolve(directory, 'error.log') };
}

/**
 * Opens the error log (pino) and the access log. All processes of the node append to the same two files.
 * @param names fields that every line of the error log carries
 * @throws Error naming `log.directory` when it cannot be written
 */
export async function openLogs(
  options: LogOptions,
  severities: Severities,
  names: Readonly<Record<string, unknown>>,
): Promise<Logs> {
  const { error, access } = await open(options.directory);
  for (const destination of [error, access]) destination.on('error', reportOnce());
  const writer = pino(
    {
      level: 'trace',
      base: { pid: process.pid, ...names },
      formatters: { level: (label) => ({ level: label }) },
      timestamp: pino.stdTimeFunctions.isoTime,
      serializers: { err: (thrown: unknown) => serializeError(thrown) },
      hooks: {
        streamWrite: redact,
        logMethod(args, method, level) {
          if (isWritten(severities, pino.levels.labels[level], args[0])) method.apply(this, args);
        },
      },
    },
    error,
  );
  const log = new SampledLog(writer);
  return {
    log,
    access: flushedSoon(access),
    ownLogs: ownLogsOf(options) ?? {},
    reopen() {
      const files = ownLogsOf(options);
      if (files === undefined) return;
      reopen(error, files.error);
      reopen(access, files.access);
      log.info({ event: 'logs-reopened' }, 'the log files were opened anew');
    },
    flush() {
      log.flush();
      flushQuietly(error);
      flushQuietly(access);
    },
  };
}

type Destination = ReturnType<typeof pino.destination>;

async function open(directory: string): Promise<{ error: Destination; access: Destination }> {
  const errorOptions = { sync: true, maxLength: waitingCapBytes };
  const accessOptions = { sync: false, minLength: accessBufferBytes, maxLength: waitingCapBytes };
  if (directory === '-')
    return {
      error: pino.destination({ dest: 2, ...errorOptions }),
      access: pino.destination({ dest: 1, ...accessOptions }),
    };
  try {
    mkdirSync(directory, { recursive: true });
    const access = pino.destination({ dest: join(directory, 'access.log'), ...accessOptions });
    // Opened here and now: what cannot be written is told at the start.
    await once(access, 'ready');
    return { error: pino.destination({ dest: join(directory, 'error.log'), ...errorOptions }), access };
  } catch (error) {
    throw new Error(
      `log.directory: cannot write to ${resolve(directory)}: ${error instanceof Error ? error.message : String(error)}`,
      {
        cause: error,
      },
    );
  }
}

/** Where the file cannot be opened the destination stays with the one it has. */
function reopen(destination: Destination, file: string): void {
  try {
    // Tried out first: a destination that fails to reopen would close its old descriptor twice when it next succeeds.
    mkdirSync(dirname(file), { recursive: true });
    closeSync(openSync(file, 'a'));
    destination.reopen();
  } catch (error) {
    destination.emit('error', error);
  }
}

/** SonicBoom's own periodic flush would write nothing, for ever, on an idle server. */
function flushedSoon(destination: Destination): DestinationStream {
  let timer: NodeJS.Timeout | undefined;
  const flush = (): void => {
    timer = undefined;
    destination.flush();
  };
  return {
    write(line) {
      destination.write(line);
      timer ??= setTimeout(flush, accessFlushMs).unref();
    },
  };
}

/** A line's switch: that of its debug logger, where it names one, else that of its severity. */
function isWritten(severities: Severities, label: string | undefined, fields: unknown): boolean {
  if (typeof fields === 'object' && fields !== null && 'logger' in fields && isSeverityName(fields.logger))
    return severities.isOn(fields.logger);
  const severity: Level = label === 'fatal' ? 'error' : ((label ?? 'error') as Level);
  return isSeverityName(severity) && severities.isOn(severity);
}

/** A full disk must not end the worker, nor fill standard error. */
function reportOnce(): (error: Error) => void {
  let isReported = false;
  return (error) => {
    if (isReported) return;
    isReported = true;
    process.stderr.write(`carillon: cannot write a log: ${error.message}\n`);
  };
}

function flushQuietly(destination: Destination): void {
  try {
    destination.flushSync();
  } catch {
    // Nothing can be written where writing the log failed; reportOnce has told.
  }
}
