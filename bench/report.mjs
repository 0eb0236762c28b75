// Makes the Markdown report of a results file.
//   node bench/report.mjs                        prints that of the newest file in bench/results/
//   node bench/report.mjs FILE.jsonl             prints that of this file
//   node bench/report.mjs [FILE.jsonl] --write   writes it to docs/benchmarks.md
//   node bench/report.mjs [FILE.jsonl] --write OTHER.md
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { markdown } from './report/markdown.mjs';

const results = fileURLToPath(new URL('results/', import.meta.url));
const page = fileURLToPath(new URL('../docs/benchmarks.md', import.meta.url));

async function newest() {
  const files = (await readdir(results).catch(() => [])).filter((name) => name.endsWith('.jsonl')).sort();
  return files.length === 0 ? undefined : results + files.at(-1);
}

function readResults(text, file) {
  const lines = text.split('\n').filter((line) => line !== '');
  const [suite, ...runs] = lines.map((line) => JSON.parse(line));
  if (suite?.type !== 'suite' || runs.length === 0)
    throw new Error(`${file}: expected the lines that bench/run.mjs writes`);
  return { suite, runs };
}

const args = process.argv.slice(2);
const isWritten = args.includes('--write');
const target = args[args.indexOf('--write') + 1];
const file = args.find((argument) => argument.endsWith('.jsonl')) ?? (await newest());
if (file === undefined) {
  console.error('bench: there are no results: npm run bench makes some');
  process.exitCode = 2;
} else {
  const { suite, runs } = readResults(await readFile(file, 'utf8'), file);
  const text = markdown(suite, runs);
  const to = target?.endsWith('.md') ? target : page;
  if (isWritten) await writeFile(to, text);
  else process.stdout.write(text);
}
