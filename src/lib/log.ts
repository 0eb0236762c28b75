/**
 * What the library needs of a logger; pino satisfies it as it is.
 * Fields first, sentence second. `fields.event` is a stable, kebab-case name.
 */
export interface Log {
  error(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  debug(fields: LogFields, message: string): void;
}

export interface LogFields {
  readonly event: string;
  readonly [field: string]: unknown;
}

const ignore = (): void => {};

/** Drops everything: the default where a program embeds Carillon and passes no log. */
export const silentLog: Log = { error: ignore, warn: ignore, info: ignore, debug: ignore };
