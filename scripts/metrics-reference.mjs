// Writes the tables of docs/metrics.md from the lists of metrics of the built product.
//   node scripts/metrics-reference.mjs           writes them
//   node scripts/metrics-reference.mjs --check   exits with 1 when they are out of date
import { readFile, writeFile } from 'node:fs/promises';
import { workerMetrics } from '../dist/metrics/worker-metrics.js';
import { ipcMetrics, nodeMetrics } from '../dist/server/node-metrics.js';
import { redisMetrics } from '../dist/server/redis-metrics.js';

const page = new URL('../docs/metrics.md', import.meta.url);
const lists = { workers: workerMetrics, redis: redisMetrics, node: nodeMetrics, ipc: ipcMetrics };

function table(metrics) {
  const rows = metrics.map(({ name, type, labels, help }) => {
    const cells = [code(name), type, labels.map(code).join(', '), help];
    return `| ${cells.join(' | ')} |`;
  });
  return ['| metric | type | labels | meaning |', '| --- | --- | --- | --- |', ...rows].join('\n');
}

function code(text) {
  return `\`${text}\``;
}

function filled(text) {
  return Object.entries(lists).reduce((filling, [name, metrics]) => {
    const begin = `<!-- ${name}: written by scripts/metrics-reference.mjs -->`;
    const end = `<!-- end of ${name} -->`;
    const [start, stop] = [filling.indexOf(begin), filling.indexOf(end)];
    if (start < 0 || stop < start) throw new Error(`docs/metrics.md has no "${begin}" with "${end}" behind it`);
    return `${filling.slice(0, start + begin.length)}\n\n${table(metrics)}\n\n${filling.slice(stop)}`;
  }, text);
}

const text = await readFile(page, 'utf8');
const wanted = filled(text);
if (!process.argv.includes('--check')) await writeFile(page, wanted);
else if (wanted !== text) {
  console.error('docs/metrics.md is out of date: npm run build && node scripts/metrics-reference.mjs');
  process.exitCode = 1;
}
