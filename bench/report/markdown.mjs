// The page that a results file becomes.
import { scenarios } from '../scenarios.mjs';
import { scenariosOf } from './figures.mjs';
import { busiest, oneAgainstTwo } from './generator-check.mjs';
import { scenarioTable } from './scenario-tables.mjs';
import { markdownTable } from './tables.mjs';
import { judge } from './targets.mjs';

/** @param suite the results' first line @param runs the others */
export function markdown(suite, runs) {
  const failed = runs.filter(({ ok }) => !ok);
  const parts = [
    '# Benchmarks',
    'This page is written by `node bench/report.mjs --write` from one run of the suite. [bench/README.md](../bench/README.md) says how it measures and how to repeat it.',
    where(suite),
    `The figure is **server CPU per delivered message**, user and system time of all the server's processes as the operating system counts it (Redis is counted apart). Each cell is the median of ${suite.rounds} interleaved rounds, with the least and the most. Compare within this page only: another machine, or this one on another day, has other microseconds.`,
    suite.isProfiled ? '**This run was profiled: its figures are those of a slower server.**' : undefined,
    integrity(runs, failed),
    '## Targets',
    markdownTable(
      ['', 'target', 'measured', ''],
      judge(runs).map(({ what, limit, measured, outcome }) => [what, limit, measured, outcome]),
    ),
    '## Scenarios',
    'Carillon is the whole product as `carillon serve` runs it: metrics and limits on, the chat app. Chat keeps history unless it is told otherwise; as the peers keep none, it is switched off by a rule (`subscriptions: [{pattern: "/room/*", history: false}]`) in all scenarios but those whose title says "with history".',
    ...scenariosOf(runs).map((name) => scenario(name, runs)),
    '## Was the load generator in the way?',
    generator(runs),
    '## Systems',
    systems(suite),
  ];
  return `${parts.filter((part) => part !== undefined).join('\n\n')}\n`;
}

function where({ date, command, machine, seconds, warmUpSeconds, idleSeconds }) {
  const gib = (machine.memoryBytes / 2 ** 30).toFixed(0);
  return markdownTable(
    ['', ''],
    [
      ['date', `${date.slice(0, 16).replace('T', ' ')} UTC`],
      [
        'machine',
        `${machine.processor}, ${machine.cores} cores, ${gib} GiB, load average ${machine.loadAverage} at the start`,
      ],
      ['system', `${machine.system}, Node ${machine.node}`],
      ['command', `\`${command}\``],
      ['each run', `${warmUpSeconds} s of warm-up, ${seconds} s measured; idle connections ${idleSeconds} s`],
    ],
  ).replaceAll('---:', '---');
}

function integrity(runs, failed) {
  const deliveries = runs.reduce((sum, run) => sum + (run.deliveries ?? 0), 0).toLocaleString('en');
  if (failed.length === 0)
    return `Of ${deliveries} measured deliveries in ${runs.length} runs none was lost, duplicated or out of order.`;
  const list = failed.map(
    ({ scenario, system, round, problems }) => `- ${scenario}, ${system}, round ${round + 1}: ${problems.join('; ')}`,
  );
  return `**${failed.length} of ${runs.length} runs failed**, and their figures do not count for the targets:\n\n${list.join('\n')}`;
}

function scenario(name, runs) {
  const { header, body } = scenarioTable(name, runs);
  const missed = runs.filter((run) => run.scenario === name && run.rateMissed);
  const note =
    missed.length === 0
      ? ''
      : `\n\nThe rate was too much on this machine, and messages waited, for ${[...new Set(missed.map(({ system }) => system))].join(', ')}.`;
  return `### ${name}\n\n${scenarios[name].what}\n\n${markdownTable(header, body)}${note}`;
}

function generator(runs) {
  const pairs = oneAgainstTwo(runs);
  return [
    'The clients run in processes of their own and do little more than look at frame headers. The share of a core that the busiest of them used, and the share of the time in which its event loop had something to do, in the scenario and with the system where it was most:',
    markdownTable(['scenario', 'system', 'cores', 'event loop'], busiest(runs)),
    ...(pairs.length === 0
      ? []
      : [
          'A generator that is in the way makes room when there are two of them. The same scenarios with half of the clients in a second process:',
          markdownTable(['scenario', 'system', '', 'one', 'two', 'change'], pairs),
          "CPU per delivery is the server's own and does not wait for anybody. Where throughput falls with a second process on a machine of few cores, it is because the server now shares them with one process more.",
        ]),
  ].join('\n\n');
}

function systems({ versions, skipped }) {
  const rows = Object.entries(versions).map(([name, { what, version }]) => [name, what, version ?? '–']);
  const left = Object.entries(skipped).map(([name, reason]) => `${name} was left out: ${reason}`);
  return [markdownTable(['', 'what', 'version'], rows).replaceAll('---:', '---'), ...left].join('\n\n');
}
