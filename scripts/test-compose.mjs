// Brings docker-compose.yml up with the local Docker engine, chats through the balancer while gateways are added, killed
// and drained, and takes it down again, also after a failure. docs/compose.md says what it looks at.
//
//   npm run test:compose -- [--without SERVICE,…] [--overlay sentinel|redis-cluster]
//
// Exit codes: 0 all of it passed, 1 something failed, 2 wrong arguments, 77 nothing was tested, as there is no engine.
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { ChatMember } from './compose/chat-member.mjs';
import { checkDashboards, checkHardening, checkTargets } from './compose/checks.mjs';
import { docker, findCompose, inspect, NoEngineError, Project } from './compose/engine.mjs';
import { freePorts } from './compose/free-ports.mjs';
import { chattering, membersOn, until } from './compose/room.mjs';

const nothingTested = 77;
const buildMs = 15 * 60_000;
const upMs = 5 * 60_000;
const downMs = 3 * 60_000;
const allMs = 40 * 60_000;
/** Of the containers' stop_grace_period, what a drain may take: more, and it was not in order. */
const stopMs = 55_000;

const { overlay, without } = argumentsGiven();
const compose = await findCompose().catch((error) => {
  if (!(error instanceof NoEngineError)) throw error;
  console.error(`test:compose: NOTHING WAS TESTED: ${error.message}`);
  process.exit(nothingTested);
});
console.log(`with ${compose.says}`);

const [http, prometheus, grafana] = await freePorts(3);
const project = new Project(compose.command, {
  name: `carillon-test-${process.pid}`,
  files: ['docker-compose.yml', ...(overlay === undefined ? [] : [`docker-compose.${overlay}.yml`])],
  env: {
    HTTP_PORT: String(http),
    PROMETHEUS_PORT: String(prometheus),
    GRAFANA_PORT: String(grafana),
    // Not the image that somebody runs.
    CARILLON_IMAGE: 'carillon:compose-test',
  },
});
const services = (await project.lines('config', '--services')).filter(
  (service) => service !== 'alertmanager' && !without.includes(service),
);
const page = `http://127.0.0.1:${http}/websocket/chat`;
const socket = `ws://127.0.0.1:${http}/websocket/chat/connect`;
const interrupted = new Promise((_, reject) => {
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => reject(new Error(`ended by ${signal}`)));
  // Keeps this process alive besides, whatever it waits for: nothing may stay behind.
  setTimeout(() => reject(new Error(`not done within ${allMs / 60_000} minutes`)), allMs);
});

try {
  await Promise.race([interrupted, scenario()]);
} catch (error) {
  console.error(`FAILED: ${error.stack ?? error}`);
  process.exitCode = 1;
  await project.run(['ps'], upMs).catch(() => {});
  await project.run(['logs', '--tail', '40'], upMs).catch(() => {});
}
await takeDown().catch((error) => {
  console.error(`FAILED: taking it down: ${error.message}`);
  process.exitCode = 1;
});
for (const service of without) console.log(`NOT TESTED: ${service} (--without ${service})`);
console.log(process.exitCode ? 'test:compose failed' : 'test:compose passed');
// A failure may have left members waiting for a gateway.
process.exit();

async function scenario() {
  const members = [];
  const room = chattering(members);
  /** Members come until one is on each of so many gateways. */
  const fill = (gateways) =>
    until(`members are on ${gateways} gateways`, 60_000, async () => {
      if (new Set(members.map(({ node }) => node)).size >= gateways) return true;
      members.push(await new ChatMember(socket).come());
      return false;
    });
  const allBack = (lost) =>
    until('all of them are back', 90_000, () => lost.every(({ returns, before }) => returns.length > before));

  await step('it comes up', async () => {
    await project.run(['build', 'gateway'], buildMs);
    await up(2).catch((error) => {
      throw new Error(`${error.message}; where an image can be neither found nor pulled: --without SERVICE`);
    });
    await until('the chat page is there', 120_000, async () => {
      const answer = await fetch(page, { headers: { accept: 'text/html' }, signal: AbortSignal.timeout(5_000) });
      const text = await answer.text();
      if (!answer.ok) throw new Error(`the balancer answers ${answer.status}: ${text.trim()}`);
      return text.includes('<html');
    });
  });

  await step('members of two gateways hear each other, under their own addresses', async () => {
    await fill(2);
    room.start();
    await room.heardByAll('hello');
    const balancers = await addressesOf('balancer');
    const { address } = members[0].welcome;
    if (balancers.includes(address)) throw new Error(`a member's address is that of the balancer, ${address}`);
    return `${members.length} members, from ${address}`;
  });

  await step('containers are as closed as they should be', () => checkHardening(project));

  await step('a third gateway gets members', async () => {
    await up(3);
    await fill(3);
    await room.heardByAll('three of us');
    return `${members.length} members`;
  });

  await step('every Prometheus target is up, and the rules are loaded', () =>
    without.includes('prometheus') ? 'left out' : checkTargets(prometheus, 3),
  );

  await step('Grafana has its data source and dashboards', () =>
    without.includes('grafana') ? 'left out' : checkDashboards(grafana),
  );

  await step('a gateway is killed: its members come back elsewhere and have missed nothing', async () => {
    const node = members[0].node;
    const lost = membersOn(members, node);
    await docker('kill', node);
    await allBack(lost);
    const ends = lost.map(({ returns }) => returns.at(-1));
    await room.heardByAll('without one');
    return `${ends.length} of ${members.length} members, back within ${longest(ends)} ms`;
  });

  await step('it is started again', async () => {
    await up(3);
    await fill(3);
    if (!without.includes('prometheus')) return checkTargets(prometheus, 3);
  });

  await step('a gateway is stopped: its members are handed over with 1012 and have missed nothing', async () => {
    const node = members[0].node;
    const lost = membersOn(members, node);
    const startedAt = performance.now();
    await docker('stop', node);
    const stoppedMs = performance.now() - startedAt;
    await allBack(lost);
    const ends = lost.map(({ returns }) => returns.at(-1));
    for (const { code, reason } of ends) {
      if (code !== 1012 || !/^restarting; reconnect in \d+ ms$/.test(reason))
        throw new Error(`a member was closed with ${code} "${reason}"`);
    }
    const { State } = await inspect(node);
    if (State.ExitCode !== 0) throw new Error(`the gateway ended with exit code ${State.ExitCode}`);
    if (stoppedMs > stopMs) throw new Error(`the gateway took ${Math.round(stoppedMs)} ms to stop`);
    await room.heardByAll('without another');
    return `${ends.length} of ${members.length} members, gateway gone after ${Math.round(stoppedMs)} ms`;
  });

  await step('everybody knows the same, in the same order, once', () => room.judge());

  if (overlay === 'sentinel') {
    await step('the primary is killed: the replica takes over, and the chat goes on', async () => {
      await docker('kill', ...(await project.containers('redis')));
      await until('a message is heard by all', 90_000, () => room.heardByAll('after the failover').then(() => true));
    });
  }
  await Promise.all(members.map((member) => member.leave()));
}

/** Starts what is not there, and changes nothing else. */
function up(gateways) {
  return project.run(['up', '-d', '--no-recreate', '--scale', `gateway=${gateways}`, ...services], upMs);
}

async function takeDown() {
  await project.run(['down', '--volumes', '--remove-orphans'], downMs);
  const left = await project.leftovers();
  if (left.length > 0) throw new Error(`the engine still has ${left.join(', ')}`);
}

async function addressesOf(service) {
  const containers = await Promise.all((await project.containers(service)).map(inspect));
  return containers.flatMap(({ NetworkSettings }) =>
    Object.values(NetworkSettings.Networks).map(({ IPAddress }) => IPAddress),
  );
}

async function step(name, run) {
  const startedAt = performance.now();
  const says = await run();
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  console.log(`ok  ${name} (${[says, `${seconds} s`].filter(Boolean).join('; ')})`);
  // What happens next should not fall together with the end of what was.
  await delay(1_000);
}

function longest(ends) {
  return Math.round(Math.max(...ends.map(({ awayMs }) => awayMs)));
}

function argumentsGiven() {
  try {
    const { values } = parseArgs({
      options: { without: { type: 'string', multiple: true, default: [] }, overlay: { type: 'string' } },
    });
    if (values.overlay !== undefined && !['sentinel', 'redis-cluster'].includes(values.overlay))
      throw new Error(`--overlay ${values.overlay}: expected sentinel or redis-cluster`);
    const left = values.without.flatMap((list) => list.split(','));
    const other = left.find((service) => !['prometheus', 'grafana'].includes(service));
    if (other !== undefined) throw new Error(`--without ${other}: expected prometheus or grafana`);
    return { overlay: values.overlay, without: left };
  } catch (error) {
    console.error(`test:compose: ${error.message}`);
    process.exit(2);
  }
}
