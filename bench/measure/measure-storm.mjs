// Everybody comes at once, wave after wave: CPU of the server per connection, including whatever it does after it has
// answered. One wave is over in half a second, of which a moment in which the machine is slow may be a good part.
import { generatorShare } from './generator-share.mjs';
import { measureTree } from './process-tree.mjs';
import { untilQuiet } from './quiet.mjs';

export async function measureStorm(server, generators, { scenario }) {
  await generators.openAndDrop(scenario.warmUpConnections);
  const perWave = scenario.rooms * scenario.subscribersPerRoom;
  const connections = scenario.waves * perWave;
  let seconds = 0;
  let cpuSeconds = 0;
  let share;
  for (let wave = 0; wave < scenario.waves; wave++) {
    await untilQuiet(server.pids);
    const [usageBefore, before] = await Promise.all([generators.usage(), measureTree(server.pids)]);
    const opening = await generators.openMore(perWave);
    share = generatorShare(usageBefore, await generators.usage(), opening.seconds);
    await untilQuiet(server.pids);
    const after = await measureTree(server.pids);
    seconds += opening.seconds;
    cpuSeconds += after.cpuSeconds - before.cpuSeconds;
    await generators.dropMore();
  }
  const results = await generators.results();
  return {
    problems: results.flatMap((result) => result.problems),
    connections,
    seconds,
    connectionsPerSecond: connections / seconds,
    cpuMicrosecondsPerConnection: (cpuSeconds * 1e6) / connections,
    // Of the last wave.
    generators: share,
  };
}
