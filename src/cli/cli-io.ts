/** What a command may touch of the process around it. */
export interface CliIo {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
}

/** A command was asked for something that cannot be; the message is for the person who typed it. Exit code 2. */
export class UsageError extends Error {
  readonly code = 'CARILLON_USAGE';

  constructor(message: string) {
    super(message);
    this.name = 'UsageError';
  }
}
