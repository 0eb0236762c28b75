// Everybody comes at once: CPU of the server per connection, including whatever it does after it has answered.
import { generatorShare } from './generator-share.mjs';
import { measureTree } from './process-tree.mjs';
import { untilQuiet } from './quiet.mjs';

export async function measureStorm(server, generators, { scenario }) {
  await generators.openAndDrop(scenario.warmUpConnections);
  await untilQuiet(server.pids);
  const [usageBefore, before] = await Promise.all([generators.usage(), measureTree(server.pids)]);
  const { opened, seconds } = await generators.open();
  const usageAfter = await generators.usage();
  await untilQuiet(server.pids);
  const after = await measureTree(server.pids);
  const results = await generators.results();
  return {
    problems: results.flatMap((result) => result.problems),
    connections: opened,
    seconds,
    connectionsPerSecond: opened / seconds,
    cpuMicrosecondsPerConnection: ((after.cpuSeconds - before.cpuSeconds) * 1e6) / opened,
    generators: generatorShare(usageBefore, usageAfter, seconds),
  };
}
