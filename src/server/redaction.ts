// What must never stand in a log: credentials, wherever they come from. Two nets, one behind the other. An error keeps
// only what says what happened, because libraries hang the failed command, with its password, on theirs. And in the
// finished line everything is masked that is named or looks like a credential: a field by its name, whatever its value
// is, and in every text what its surroundings give away.

const mask = '***';

/** Of an error's own fields only these are logged besides its type, message and stack. */
const errorFields: readonly string[] = ['code', 'errno', 'syscall', 'address', 'port', 'path', 'outcome', 'trouble'];

const mostCauses = 5;

/** A longer text of an error is logged without its middle: a stack has its message in front and its frames behind. */
const errorTextCharacters = 4_096;

/** An error as it is logged, with its causes. */
export function serializeError(error: unknown, depth = 0): unknown {
  if (!(error instanceof Error)) return shorten(error);
  const { name, message, stack } = error;
  const serialized: Record<string, unknown> = {
    type: shorten(name),
    message: shorten(message),
    stack: shorten(stack),
  };
  for (const field of errorFields) {
    const value: unknown = Reflect.get(error, field);
    if (typeof value === 'string' || typeof value === 'number') serialized[field] = shorten(value);
  }
  if (depth >= mostCauses) return serialized;
  if (error.cause !== undefined) serialized['cause'] = serializeError(error.cause, depth + 1);
  if (error instanceof AggregateError) {
    serialized['errors'] = error.errors.slice(0, mostCauses).map((inner) => serializeError(inner, depth + 1));
  }
  return serialized;
}

/** Masked before it is cut: half a credential would not be recognised any more. */
function shorten(value: unknown): unknown {
  if (typeof value !== 'string' || value.length <= errorTextCharacters) return value;
  const masked = redactText(value);
  const leftOut = masked.length - errorTextCharacters;
  if (leftOut <= 0) return masked;
  const half = errorTextCharacters / 2;
  return `${masked.slice(0, half)} … ${leftOut} characters left out … ${masked.slice(-half)}`;
}

const names = [
  'authorization',
  'cookie',
  'credential',
  'pass(?:word|wd|phrase)',
  'secret',
  '(?:api|access|private)[_-]?key',
  // In a query the name may be written with %XX.
  '(?:t|%74)(?:o|%6f)(?:k|%6b)(?:e|%65)(?:n|%6e)',
];
/** How a name of a credential ends. Not from its beginning, which would cost the square of a long word's length. */
const name = `(?:${names.join('|')})s?`;
const secretField = new RegExp(`${name}$`, 'i');

// Of something like JSON in a text. Quotes there have backslashes before them, the more the deeper.
const quote = String.raw`\\{0,16}["']`;
const sign = String.raw`\s{0,8}[:=]\s{0,8}`;

type Replacement = string | ((found: string, before: string, value: string) => string);

/**
 * What is masked in a text, in the order in which it is applied. Each takes time in proportion to the text's length.
 * First what is recognised by its shape, of which a name before it would take a part only. It leaves all quotes as they
 * are, with their backslashes.
 */
const masked: readonly (readonly [pattern: RegExp, replacement: Replacement])[] = [
  // Of a URL. The password ends at the last "@" before the host.
  [/(:\/\/[^\s:/?#@"]{0,128}:)[^\s/?#"]{1,1024}@/g, `$1${mask}@`],
  // Of a header.
  [/(cookie[ \t]?:[ \t]{0,4})[^\s=;"\\]{1,128}=[^\r\n"\\]*/gi, `$1${mask}`],
  [/\b(Basic\s+)([\w+/.~=:-]{6,})/gi, (found, before, value) => (isWord(value) ? found : `${before}${mask}`)],
  [
    /\b(Bearer\s+)(?!(?:auth(?:entication|orization)?|credentials?|realm|scheme|tokens?)[.:=]?(?![\w+/.~:=-]))[\w+/.~=-]{6,}/gi,
    `$1${mask}`,
  ],
  // A JWS or JWE (RFC 7515, 7516): its header is a JSON object in base64url. Looked for from the last such beginning of
  // a word, so that no part of the text is gone through twice.
  [/eyJ(?:(?!eyJ)[\w-]){6,}(?:\.[\w-]*)+/g, mask],
  // A list or object: where it ends cannot be told, so that all that follows goes.
  [new RegExp(String.raw`(${name}(?:${quote})?${sign})[[{][^]*`, 'i'), `$1${mask}`],
  // A quoted value, up to a quote of the same depth.
  [new RegExp(String.raw`(${name}(?:${quote})?${sign})(${quote})[^]*?(?:(?<!\\)\2|$)`, 'gi'), `$1$2${mask}$2`],
  // A number, or a word of something like JSON.
  [new RegExp(String.raw`(${name}${quote}${sign})[^\s,}\]"'\\]+`, 'gi'), `$1${mask}`],
  // A variable, a setting, a parameter of a query.
  [new RegExp(String.raw`(${name}[ \t]?=[ \t]?)(?![=>])[^&\s"]+`, 'gi'), `$1${mask}`],
];

/** Whether what follows "Basic" belongs to a sentence. Credentials have a colon, and hardly ever look like a word. */
function isWord(value: string): boolean {
  return /^[A-Za-z][a-z]*[.:=]?$/.test(value) && !Buffer.from(value, 'base64').includes(':');
}

function redactText(text: string): string {
  return masked.reduce(
    (before, [pattern, replacement]) =>
      typeof replacement === 'string' ? before.replace(pattern, replacement) : before.replace(pattern, replacement),
    text,
  );
}

/**
 * The line with every credential that can be recognised masked. A line of JSON stays one, because it is masked value by
 * value; anything else is taken for a text.
 */
export function redact(line: string): string {
  try {
    return JSON.stringify(JSON.parse(line, redactField)) + (line.endsWith('\n') ? '\n' : '');
  } catch {
    return redactText(line);
  }
}

function redactField(field: string, value: unknown): unknown {
  // What is not there, or only whether it is.
  const isCredential = value !== null && typeof value !== 'boolean' && secretField.test(field);
  if (isCredential) return mask;
  return typeof value === 'string' ? redactText(value) : value;
}
