import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import type { Command } from 'commander';
import { hashPassword } from '../auth/password-hash.ts';
import { UsageError, type CliIo } from './cli-io.ts';

const longestPasswordBytes = 1024;

export function addHashPasswordCommand(program: Command, io: CliIo): void {
  program
    .command('hash-password')
    .description('read a password and print its hash for "auth: {type: basic}"')
    .action(async () => {
      const password = io.stdin.isTTY ? await askTwice(io) : await readAll(io.stdin);
      if (password === '') throw new UsageError('the password is empty');
      io.stdout.write(`${await hashPassword(password)}\n`);
    });
}

/** One line, its end not counted, so that `echo` may pipe it in. */
async function readAll(stdin: NodeJS.ReadableStream): Promise<string> {
  const chunks: Buffer[] = [];
  let total = 0;
  for await (const chunk of stdin) {
    const bytes = Buffer.from(chunk);
    chunks.push(bytes);
    total += bytes.length;
    if (total > longestPasswordBytes) throw new UsageError(`the password has more than ${longestPasswordBytes} bytes`);
  }
  const text = Buffer.concat(chunks)
    .toString('utf8')
    .replace(/\r?\n$/, '');
  if (/[\r\n]/.test(text)) throw new UsageError('standard input has more than one line');
  return text;
}

async function askTwice(io: CliIo): Promise<string> {
  const password = await askHidden('Password: ', io);
  if ((await askHidden('Once more: ', io)) === password) return password;
  throw new UsageError('the two passwords differ');
}

/** Asks on standard error, so that standard output holds nothing but the hash. */
async function askHidden(question: string, io: CliIo): Promise<string> {
  io.stderr.write(question);
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: io.stdin, output: silent, terminal: true });
  try {
    return await new Promise((resolve, reject) => {
      lines.once('line', resolve);
      // Ctrl-C and Ctrl-D.
      lines.once('close', () => reject(new UsageError('no password was given')));
    });
  } finally {
    lines.close();
    io.stderr.write('\n');
  }
}
