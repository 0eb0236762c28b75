// Publications that go to many: CPU of the server per delivered message, latency, and whether everything arrived once
// and in order.
import { Latencies } from '../generator/latencies.mjs';
import { generatorShare } from './generator-share.mjs';
import { measureTree } from './process-tree.mjs';
import { untilQuiet } from './quiet.mjs';

/** Deliveries may end so much later than they were planned to, in seconds, before the rate counts as missed. */
const mostLatenessSeconds = 0.5;

export async function measureFanOut(server, generators, { scenario, seconds, warmUpSeconds }) {
  await generators.open();
  await generators.settle();
  await untilQuiet(server.pids);
  const calm = await measureTree(server.pids);
  const stalled = scenario.stalledShare > 0 ? await generators.stall() : 0;
  await generators.publish('warmUp', warmUpSeconds);

  const [usageBefore, before, redisBefore] = await look(server, generators);
  const ran = await generators.publish('measured', seconds);
  const [usageAfter, after, redisAfter] = await look(server, generators);

  const results = await generators.results();
  const total = (field) => results.reduce((sum, result) => sum + result[field], 0);
  const latencies = new Latencies();
  for (const result of results) latencies.merge(result.latencies);
  const deliveries = total('deliveries');
  const tally = { lost: total('lost'), duplicated: total('duplicated'), reordered: total('reordered') };
  const problems = results.flatMap((result) => result.problems);
  for (const [what, count] of Object.entries(tally)) if (count !== 0) problems.push(`${count} ${what}`);
  if (deliveries === 0) problems.push('nothing was delivered');
  const perDelivery = (earlier, later) => ((later.cpuSeconds - earlier.cpuSeconds) * 1e6) / deliveries;
  return {
    problems,
    publications: ran.publications,
    deliveries,
    seconds: ran.seconds,
    deliveriesPerSecond: deliveries / ran.seconds,
    ...tally,
    cpuMicrosecondsPerDelivery: perDelivery(before, after),
    serverCores: (after.cpuSeconds - before.cpuSeconds) / ran.seconds,
    ...(redisBefore === undefined
      ? {}
      : {
          redisCpuMicrosecondsPerPublication:
            ((redisAfter.cpuSeconds - redisBefore.cpuSeconds) * 1e6) / ran.publications,
          redisCores: (redisAfter.cpuSeconds - redisBefore.cpuSeconds) / ran.seconds,
        }),
    latencyMicroseconds: {
      p50: latencies.quantile(0.5),
      p99: latencies.quantile(0.99),
      max: latencies.max,
    },
    residentBytes: after.residentBytes,
    residentGrowthBytes: after.residentBytes - calm.residentBytes,
    ...(stalled > 0 ? { stalled, stalledClosed: await generators.readOn() } : {}),
    rateMissed: scenario.window === undefined && ran.seconds > seconds + mostLatenessSeconds,
    lateMs: ran.lateMs,
    generators: generatorShare(usageBefore, usageAfter, ran.seconds),
  };
}

function look(server, generators) {
  return Promise.all([
    generators.usage(),
    measureTree(server.pids),
    server.redisPid === undefined ? undefined : measureTree([server.redisPid]),
  ]);
}
