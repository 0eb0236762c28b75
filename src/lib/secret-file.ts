import { readRegularFile, whyUnreadable } from './read-bytes.ts';

const capBytes = 16 * 1024;

/** A file with a secret that cannot be used. Nothing of what is in it is in the message. */
export class SecretFileError extends Error {
  readonly code = 'SECRET_FILE';
  /** What is wrong with the file, as a sentence's end: `does not exist`. */
  readonly fault: string;

  constructor(path: string, fault: string) {
    super(`the secret file ${path} ${fault}`);
    this.fault = fault;
  }
}

/**
 * The one line of text that a file holds, without its line break: how Docker, Kubernetes and systemd hand secrets over.
 * Read when it is needed, so that what was changed meanwhile counts.
 * @throws SecretFileError
 */
export function readSecretFile(path: string): string {
  const text = decode(path, readWhole(path));
  const secret = text.replace(/\r?\n$/, '');
  if (secret === '') throw new SecretFileError(path, 'is empty');
  // An editor's second line, or a whole other file: as part of a password nobody could type it.
  if (/[\r\n\0]/.test(secret)) throw new SecretFileError(path, 'has more than one line of text');
  return secret;
}

function readWhole(path: string): Buffer {
  let bytes: Buffer | undefined;
  try {
    bytes = readRegularFile(path, capBytes);
  } catch (error) {
    throw new SecretFileError(path, whyUnreadable(error));
  }
  if (bytes === undefined) throw new SecretFileError(path, `has more than ${capBytes} bytes`);
  return bytes;
}

function decode(path: string, bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new SecretFileError(path, 'is not UTF-8 text');
  }
}
