// Writes the reference table of docs/configuration.md from the schema of the built product.
//   node scripts/configuration-reference.mjs           writes it
//   node scripts/configuration-reference.mjs --check   exits with 1 when it is out of date
import { readFile, writeFile } from 'node:fs/promises';
import { settingFlags } from '../dist/config/flags.js';
import { settings } from '../dist/config/settings.js';

const page = new URL('../docs/configuration.md', import.meta.url);
const begin = '<!-- reference: written by scripts/configuration-reference.mjs -->';
const end = '<!-- end of reference -->';

function table() {
  const rows = settings().map((setting) => {
    const flag = settingFlags.find(({ path }) => path.join('.') === setting.path.join('.'));
    const elsewhere = [setting.variable, flag && `--${flag.name}`].filter(Boolean).map(code);
    // "Default: …" at the end of a description is the default of a setting that has none of its own.
    const [, meaning, words] = /^(.*?)(?: Default: (.*)\.)?$/.exec(setting.description);
    const cells = [
      code(setting.path.join('.')),
      values(setting),
      words ?? fallback(setting),
      meaning,
      elsewhere.join('<br>'),
    ];
    return `| ${cells.join(' | ')} |`;
  });
  return ['| Setting | Values | Default | Meaning | Variable, flag |', '|---|---|---|---|---|', ...rows].join('\n');
}

function values({ type, minimum, maximum, values: choices }) {
  if (choices) return choices.map(code).join(', ');
  return type === 'integer' || type === 'number' ? `${minimum} – ${maximum}` : type;
}

function fallback({ path, default: value }) {
  if (value === undefined) return '';
  const isBytes = /bytes$/i.test(path.at(-1)) && value % 1024 === 0;
  if (!isBytes) return code(JSON.stringify(value));
  return `${code(value)} (${value % 1024 ** 2 === 0 ? `${value / 1024 ** 2} MiB` : `${value / 1024} KiB`})`;
}

function code(text) {
  return `\`${text}\``;
}

const text = await readFile(page, 'utf8');
const before = text.slice(0, text.indexOf(begin) + begin.length);
const after = text.slice(text.indexOf(end));
const wanted = `${before}\n\n${table()}\n\n${after}`;
if (!process.argv.includes('--check')) await writeFile(page, wanted);
else if (wanted !== text) {
  console.error('docs/configuration.md is out of date: npm run build && node scripts/configuration-reference.mjs');
  process.exitCode = 1;
}
