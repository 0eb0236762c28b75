// Runs scenarios against systems in interleaved rounds; see README.md beside this file.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, mkdir, stat } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { measureTree } from './process-tree.mjs';
import { scenarios, systems } from './scenarios.mjs';

const here = new URL('./', import.meta.url);
const { values: flags } = parseArgs({
  options: {
    scenario: { type: 'string', default: Object.keys(scenarios).join(',') },
    systems: { type: 'string', default: Object.keys(systems).join(',') },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '5' },
    workers: { type: 'string', default: '1' },
    'payload-bytes': { type: 'string', default: '128' },
  },
});

function chosen(list, known, flag) {
  const names = list.split(',');
  for (const name of names) {
    if (!(name in known)) throw new Error(`--${flag} "${name}": expected ${Object.keys(known).join(', ')}`);
  }
  return names;
}

async function installPeers(names) {
  if (!names.some((name) => systems[name].peer)) return;
  const installed = await stat(new URL('peers/node_modules/', here)).catch(() => undefined);
  if (installed === undefined)
    execFileSync('npm', ['install', '--silent'], { cwd: new URL('peers/', here), stdio: 'inherit' });
}

/** A child process that prints JSON lines. */
function start(file, argument) {
  const child = spawn(process.execPath, [new URL(file, here).pathname, JSON.stringify(argument)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    pid: child.pid,
    next: async () => {
      const { value, done } = await lines.next();
      if (done) throw new Error(`${file} ended early`);
      return JSON.parse(value);
    },
    proceed: () => child.stdin.write('\n'),
    stop: async () => {
      const ended = once(child, 'exit');
      if (child.exitCode === null && child.kill('SIGTERM')) await ended;
    },
  };
}

async function runOnce(scenarioName, systemName) {
  const scenario = scenarios[scenarioName];
  const system = systems[systemName];
  const server = start(`servers/${system.file}`, { rooms: scenario.rooms, workers: Number(flags.workers) });
  try {
    const { port } = await server.next();
    const fresh = await measureTree(server.pid);
    const generator = start('load-generator.mjs', {
      ...scenario,
      port,
      dialect: system.dialect,
      seconds: Number(flags.seconds),
      warmUpSeconds: 2,
      payloadBytes: Number(flags['payload-bytes']),
    });
    try {
      await generator.next();
      const before = await measureTree(server.pid);
      const run = { scenario: scenarioName, system: systemName };
      if (!scenario.publish) {
        const connections = scenario.rooms * scenario.subscribersPerRoom;
        return {
          ...run,
          connections,
          bytesPerConnection: Math.round((before.residentBytes - fresh.residentBytes) / connections),
        };
      }
      generator.proceed();
      const result = await generator.next();
      const after = await measureTree(server.pid);
      return {
        ...run,
        ...result,
        cpuMicrosecondsPerDelivery: ((after.cpuSeconds - before.cpuSeconds) * 1e6) / result.deliveries,
        deliveriesPerSecond: result.deliveries / result.seconds,
        residentBytes: after.residentBytes,
      };
    } finally {
      await generator.stop();
    }
  } finally {
    await server.stop();
  }
}

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
const spread = (values, digits) =>
  `${median(values).toFixed(digits)} (${Math.min(...values).toFixed(digits)}–${Math.max(...values).toFixed(digits)})`;

function report(scenarioName, names, runs) {
  const of = (system, read) => runs.filter((run) => run.scenario === scenarioName && run.system === system).map(read);
  const { what, publish } = scenarios[scenarioName];
  console.log(`\n${what}`);
  const measure = publish ? (run) => run.cpuMicrosecondsPerDelivery : (run) => run.bytesPerConnection;
  const baseline = names.includes('ws-loop') ? median(of('ws-loop', measure)) : undefined;
  const rows = names.map((name) => ({
    system: name,
    ...(publish
      ? {
          'CPU µs per delivery': spread(of(name, measure), 2),
          'deliveries/s': Math.round(median(of(name, (run) => run.deliveriesPerSecond))),
          'p50 ms': (median(of(name, (run) => run.latencyMicroseconds.p50)) / 1000).toFixed(2),
          'p99 ms': (median(of(name, (run) => run.latencyMicroseconds.p99)) / 1000).toFixed(2),
          'lost/dup/reordered': of(name, (run) => `${run.lost}/${run.duplicated}/${run.reordered}`).join(' '),
          'generator cores': median(of(name, (run) => run.generatorCores)).toFixed(2),
        }
      : { 'bytes per connection': spread(of(name, measure), 0) }),
    ...(baseline === undefined ? {} : { '× ws loop': (median(of(name, measure)) / baseline).toFixed(2) }),
  }));
  console.table(rows);
}

const scenarioNames = chosen(flags.scenario, scenarios, 'scenario');
const systemNames = chosen(flags.systems, systems, 'systems');
await installPeers(systemNames);
await mkdir(new URL('results/', here), { recursive: true });
const results = new URL(`results/${new Date().toISOString().replaceAll(':', '-')}.jsonl`, here);
const runs = [];
for (const scenarioName of scenarioNames) {
  for (let round = 0; round < Number(flags.rounds); round++) {
    for (const systemName of systemNames) {
      const run = { round, ...(await runOnce(scenarioName, systemName)) };
      runs.push(run);
      await appendFile(results, `${JSON.stringify(run)}\n`);
    }
  }
  report(scenarioName, systemNames, runs);
}
if (runs.some((run) => run.lost || run.duplicated || run.reordered)) {
  console.error('\nFailed: messages were lost, duplicated or out of order.');
  process.exitCode = 1;
}
