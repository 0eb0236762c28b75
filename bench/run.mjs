// Runs scenarios with systems in interleaved rounds; README.md beside this file says how, and explains the flags.
import { appendFile, mkdir } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readFlags, UsageError } from './flags.mjs';
import { machine } from './measure/machine.mjs';
import { measureTree } from './measure/process-tree.mjs';
import { profileServer } from './measure/profiles.mjs';
import { runOnce } from './measure/run-once.mjs';
import { plan } from './plan.mjs';
import { scenarioTable } from './report/scenario-tables.mjs';
import { terminalTable } from './report/tables.mjs';
import { killAll } from './systems/child.mjs';
import { Unavailable } from './systems/debian-package.mjs';
import { allSystems } from './systems/systems.mjs';

const results = fileURLToPath(new URL('results/', import.meta.url));

async function main() {
  const flags = readFlags(process.argv.slice(2));
  if (process.platform !== 'linux') throw new UsageError('the figures come from /proc: this needs Linux');
  const systems = allSystems(flags);
  const rows = plan(systems, flags, flags);
  if (flags.isHelp) {
    console.log(`scenarios: ${rows.map(({ name }) => name).join(', ')}\nsystems: ${[...systems.keys()].join(', ')}`);
    console.log('flags: see bench/README.md');
    return;
  }
  const date = new Date().toISOString();
  const name = date.slice(0, 19).replaceAll(':', '-');
  const out = resolve(flags.out ?? `${results}${name}.jsonl`);
  await mkdir(dirname(out), { recursive: true });

  const { versions, skipped } = await prepare(systems, rows, flags.systems);
  const write = (line) => appendFile(out, `${JSON.stringify(line)}\n`);
  await write({ type: 'suite', date, command: command(), ...settings(flags), machine: machine(), versions, skipped });

  const runs = [];
  const started = performance.now();
  const total = rows.reduce((sum, row) => sum + row.systems.length, 0) * flags.rounds;
  for (let round = 0; round < flags.rounds; round++) {
    for (const { name: scenarioName, scenario, systems: names } of rows) {
      for (const system of names) {
        const run = { type: 'run', round, scenario: scenarioName, system, family: systems.get(system).family };
        Object.assign(
          run,
          await measure(scenario, systems.get(system), `${name}-${scenarioName}-${system}-${round}`, flags),
        );
        runs.push(run);
        await write(run);
        const minutes = Math.round((performance.now() - started) / 6000) / 10;
        const outcome = run.skipped
          ? `skipped: ${run.skipped}`
          : run.ok
            ? 'ok'
            : `FAILED: ${run.problems.slice(0, 3).join('; ')}`;
        console.log(`${runs.length}/${total} (${minutes} min)  ${scenarioName}  ${system}  ${outcome}`);
      }
    }
  }

  for (const { name: scenarioName, scenario } of rows) {
    const { header, body } = scenarioTable(scenarioName, runs);
    console.log(`\n${scenarioName}: ${scenario.what}\n${terminalTable(header, body)}`);
  }
  console.log(`\n${out}`);
  const failed = runs.filter(({ ok }) => !ok);
  if (failed.length > 0) {
    console.error(`\nFailed: ${failed.length} of ${runs.length} runs:`);
    for (const run of failed)
      console.error(`  ${run.scenario}  ${run.system}  round ${run.round}: ${run.problems.join('; ')}`);
    process.exitCode = 1;
  }
}

async function measure(scenario, system, name, flags) {
  if (!flags.isProfiled) return await runOnce(scenario, system, flags);
  const profile = await profileServer(results, name);
  let workerPids = [];
  const observed = {
    ...system,
    start: async (...args) => {
      const server = await system.start(...args);
      workerPids = await pidsOfWorkers(server.pids);
      return server;
    },
  };
  const figures = await runOnce(scenario, observed, { ...flags, execArgv: profile.execArgv });
  return { ...figures, profiles: await profile.keep(workerPids) };
}

async function pidsOfWorkers(pids) {
  return (await measureTree(pids)).workerPids;
}

/** Installs what is missing. Who was asked for by name and cannot take part ends it; the others are left out. */
async function prepare(systems, rows, wanted) {
  const versions = {};
  const skipped = {};
  for (const name of new Set(rows.flatMap((row) => row.systems))) {
    const system = systems.get(name);
    try {
      await system.prepare();
      versions[name] = { what: system.what, version: await system.version() };
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error;
      if (wanted !== undefined || system.family === 'carillon')
        throw new UsageError(`${name} cannot take part: ${error.message}`, { cause: error });
      console.error(`${name} is left out: ${error.message}`);
      skipped[name] = error.message;
      for (const row of rows) row.systems = row.systems.filter((each) => each !== name);
    }
  }
  return { versions, skipped };
}

const command = () => ['npm run bench --', ...process.argv.slice(2).map(quoted)].join(' ').replace(/ --$/, '');
const quoted = (argument) => (/^[\w@%+=:,./-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", "'\\''")}'`);

const settings = ({ rounds, seconds, warmUpSeconds, idleSeconds, workers, generators, isProfiled }) => ({
  rounds,
  seconds,
  warmUpSeconds,
  idleSeconds,
  workers,
  generators,
  isProfiled,
});

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => {
    killAll();
    process.exit(1);
  });
}
try {
  await main();
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(`bench: ${error.message}`);
  process.exitCode = 2;
}
