import { SecretFileError } from '../../lib/secret-file.ts';
import { BrokerUnavailableError } from '../broker.ts';

/** What can be wrong with a Redis server, as metrics and logs call it. */
export type RedisTrouble =
  | 'unreachable'
  | 'lost'
  | 'silent'
  | 'refused-user'
  | 'read-only'
  | 'out-of-memory'
  | 'cannot-persist'
  | 'too-few-replicas'
  | 'loading'
  | 'busy'
  | 'cluster-down'
  /** Its slot is being moved to another node of the cluster. */
  | 'migrating'
  | 'overloaded'
  /** It answers, but is not what the configuration takes it for. */
  | 'unsuitable'
  | 'other';

/** A `BrokerUnavailableError` that also says which kind of trouble it is. Its message is for operators. */
export class RedisUnavailableError extends BrokerUnavailableError {
  readonly trouble: RedisTrouble;

  constructor(trouble: RedisTrouble, message: string, outcome: 'refused' | 'unknown' = 'refused') {
    super(message, { outcome });
    this.trouble = trouble;
  }
}

/**
 * Trouble that the next try would have as well: with this publication or with what we may do, not with the server. Of
 * everything else it is worth waiting for the end.
 */
export const lastingTrouble: ReadonlySet<RedisTrouble> = new Set(['refused-user', 'other']);

/** Whose words an error is, for its message. */
export interface RedisParty {
  /** `Redis 127.0.0.1:6379` */
  readonly server: string;
  /** ACL user, `default` where none is set. */
  readonly user: string;
}

interface ReplyCode {
  readonly trouble: RedisTrouble;
  readonly says: (party: RedisParty, reply: string) => string;
}

const refusesUser: ReplyCode = {
  trouble: 'refused-user',
  says: ({ server, user }, reply) => `${server} refuses user "${user}": ${reply}`,
};

/** Error replies by their first word. None of them has carried anything out, but for `isHalfway`. */
const replyCodes: ReadonlyMap<string, ReplyCode> = new Map<string, ReplyCode>([
  ['WRONGPASS', refusesUser],
  ['NOAUTH', refusesUser],
  ['NOPERM', refusesUser],
  // Of our own scripts (`lua/include/send.lua`): before anything is done.
  [
    'NOPUBLISH',
    {
      trouble: 'refused-user',
      says: (party, reply) => refusesUser.says(party, reply.replace(/^NOPUBLISH/, 'NOPERM')),
    },
  ],
  [
    'READONLY',
    {
      trouble: 'read-only',
      says: ({ server }) => `${server} is read-only: it has been demoted to a replica`,
    },
  ],
  [
    'MASTERDOWN',
    {
      trouble: 'read-only',
      says: ({ server }, reply) => `${server} is read-only: it is a replica whose primary is away (${reply})`,
    },
  ],
  [
    'OOM',
    { trouble: 'out-of-memory', says: ({ server }, reply) => `${server} is out of memory (maxmemory): ${reply}` },
  ],
  [
    'MISCONF',
    { trouble: 'cannot-persist', says: ({ server }, reply) => `${server} cannot write to its disk: ${reply}` },
  ],
  [
    'NOREPLICAS',
    {
      trouble: 'too-few-replicas',
      says: ({ server }, reply) => `${server} has too few replicas (min-replicas-to-write): ${reply}`,
    },
  ],
  ['LOADING', { trouble: 'loading', says: ({ server }) => `${server} is loading its data` }],
  ['BUSY', { trouble: 'busy', says: ({ server }) => `${server} is busy with a long script (SCRIPT KILL ends it)` }],
  [
    'CLUSTERDOWN',
    {
      trouble: 'cluster-down',
      says: ({ server }, reply) => `the Redis cluster does not serve all its slots (${server}: ${reply})`,
    },
  ],
]);

/** What Redis 7.0 says of what a script may not do; 7.2 has NOPERM for it. */
const forbiddenToScript = "ERR The user executing the script can't ";

/** Where in a script an error was, which Redis adds to it; not to the refusal of the script as a whole. */
const scriptPlace = /\s*script: [0-9a-f]{40}.*$/s;

/** What follows an unknown command's name. */
const argumentsEchoed = /,? with args beginning with: .*$/s;

/** What ioredis says of a command that had no reply in time. */
const timedOut = 'Command timed out';

/** The first word of an error reply, such as `OOM`; undefined: it is no reply of Redis. */
export function replyCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || error.name !== 'ReplyError') return undefined;
  const code = /^[A-Z]+/.exec(error.message)?.[0];
  return code === 'ERR' && error.message.startsWith(forbiddenToScript) ? 'NOPERM' : code;
}

/**
 * Says in an operator's words what an error of ioredis means. Nothing of the command is kept: a failed AUTH carries the
 * password.
 */
export function explainRedisError(error: unknown, party: RedisParty): RedisUnavailableError {
  if (error instanceof RedisUnavailableError) return error;
  const { server } = party;
  const message = messageOf(error);
  const code = replyCode(error);
  if (code !== undefined) {
    const known = replyCodes.get(code);
    if (known !== undefined) {
      const outcome = code === 'NOPERM' && isHalfway(message) ? 'unknown' : 'refused';
      return new RedisUnavailableError(known.trouble, known.says(party, replyText(message)), outcome);
    }
    return new RedisUnavailableError('other', `${server} answered: ${replyText(message)}`, 'unknown');
  }
  if (message === timedOut) {
    return new RedisUnavailableError('silent', `${server} does not answer`, 'unknown');
  }
  if (message.startsWith("Stream isn't writeable")) {
    return new RedisUnavailableError('lost', `the connection to ${server} is lost`);
  }
  if (message === 'Connection is closed.' || message.startsWith('Command aborted')) {
    return new RedisUnavailableError('lost', `the connection to ${server} was lost before the answer`, 'unknown');
  }
  return new RedisUnavailableError('other', `${server}: ${message}`, 'unknown');
}

/** What it means that a command was sent on to another node again and again; undefined: the error is no MOVED, ASK or TRYAGAIN. */
export function explainRedirection(error: unknown, slot: number, server: string): RedisUnavailableError | undefined {
  const says = `(${server}: ${replyText(messageOf(error))})`;
  switch (replyCode(error)) {
    case 'ASK':
    case 'TRYAGAIN':
      return new RedisUnavailableError('migrating', `slot ${slot} of the Redis cluster is being migrated ${says}`);
    case 'MOVED':
      return new RedisUnavailableError(
        'cluster-down',
        `the nodes of the Redis cluster do not agree on who serves slot ${slot} ${says}`,
      );
    case undefined:
    default:
      return undefined;
  }
}

/** Why a connection could not be made, in an operator's words. */
export function explainConnectError(error: unknown, party: RedisParty): RedisUnavailableError {
  if (error instanceof RedisUnavailableError) return error;
  if (replyCode(error) !== undefined) return explainRedisError(error, party);
  const message = messageOf(error);
  if (error instanceof SecretFileError) {
    return new RedisUnavailableError('refused-user', `${party.server} needs a password, and ${message}`);
  }
  if (message === timedOut) return new RedisUnavailableError('silent', `${party.server} does not answer`);
  const says = message === 'Connection is closed.' ? 'it closes the connection' : message;
  return new RedisUnavailableError('unreachable', `${party.server} is unreachable: ${says}`);
}

/** Whether a script was under way that was not permitted one of its commands: what came before that is done. */
function isHalfway(message: string): boolean {
  return message.startsWith(forbiddenToScript) || scriptPlace.test(message);
}

/** Without the place in a script that Redis 7 adds, and without the arguments, a password perhaps, of what it did not know. */
function replyText(message: string): string {
  return message.replace(scriptPlace, '').replace(argumentsEchoed, '');
}

function messageOf(error: unknown): string {
  // "localhost" is tried on every address it has; each failure is in the list, and the message is empty.
  if (error instanceof AggregateError && error.message === '') return error.errors.map(messageOf).join('; ');
  return error instanceof Error ? error.message : String(error);
}
