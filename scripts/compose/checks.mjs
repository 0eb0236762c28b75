// What is looked at from the outside while the stack runs.
import { docker, inspect } from './engine.mjs';
import { until } from './room.mjs';

/** Prometheus has so many gateways and the others as targets, all up, and evaluates the rules without an error. */
export async function checkTargets(port, gateways) {
  let says;
  await until('all Prometheus targets are up', 90_000, async () => {
    const { activeTargets } = await api(port, '/api/v1/targets');
    const down = activeTargets.filter(({ health }) => health !== 'up');
    if (down.length > 0)
      throw new Error(down.map(({ scrapeUrl, lastError }) => `${scrapeUrl} ${lastError}`).join('; '));
    const ofJob = (job) => activeTargets.filter(({ labels }) => labels.job === job).length;
    says = `targets: ${ofJob('carillon')} gateways, ${activeTargets.length} in all`;
    const { result } = await api(port, '/api/v1/query?query=count(carillon_connections)');
    return ofJob('carillon') === gateways && ofJob('haproxy') === 1 && Number(result[0]?.value[1]) === gateways;
  });
  let rules = [];
  await until('the rules have been evaluated', 60_000, async () => {
    rules = (await api(port, '/api/v1/rules')).groups.flatMap((group) => group.rules);
    const wrong = rules.filter(({ health }) => health === 'err');
    if (wrong.length > 0) throw new Error(wrong.map(({ name, lastError }) => `${name}: ${lastError}`).join('; '));
    return rules.length > 0 && rules.every(({ health }) => health === 'ok');
  });
  return `${says}; ${rules.length} rules`;
}

/** Grafana runs, reaches Prometheus and shows dashboards to whoever comes. */
export async function checkDashboards(port) {
  let dashboards = [];
  await until('Grafana lists its dashboards', 120_000, async () => {
    dashboards = await json(`http://127.0.0.1:${port}/api/search?type=dash-db`);
    return dashboards.length > 0;
  });
  const query = encodeURIComponent('count(carillon_connections)');
  const { data } = await json(
    `http://127.0.0.1:${port}/api/datasources/proxy/uid/prometheus/api/v1/query?query=${query}`,
  );
  if (data.result.length === 0) throw new Error('its data source answers nothing');
  return `${dashboards.length} dashboards`;
}

/** Nobody but the balancer is reached from outside, and nothing runs as root or writes to its own files. */
export async function checkHardening(project) {
  const ids = await project.containers('gateway');
  for (const id of ids) {
    const { HostConfig, Config } = await inspect(id);
    const problems = [
      [Object.keys(HostConfig.PortBindings ?? {}).length > 0, 'has ports of the host'],
      [!HostConfig.ReadonlyRootfs, 'has a writable root file system'],
      [!HostConfig.CapDrop?.includes('ALL'), 'has capabilities'],
      [!HostConfig.SecurityOpt?.some((option) => option.startsWith('no-new-privileges')), 'may gain privileges'],
      [Config.Healthcheck === undefined, 'has no health check'],
      [(await docker('exec', id, 'id', '-u')) === '0', 'runs as root'],
      [(await docker('exec', id, 'cat', '/proc/1/comm')) === 'sh', 'has a shell as its first process'],
    ].flatMap(([isSo, what]) => (isSo ? [what] : []));
    if (problems.length > 0) throw new Error(`gateway ${id} ${problems.join(', ')}`);
  }
  for (const service of ['redis', 'prometheus', 'grafana', 'balancer']) {
    for (const id of await project.containers(service)) {
      const { HostConfig } = await inspect(id);
      const open = Object.values(HostConfig.PortBindings ?? {}).flat();
      if (service !== 'balancer' && open.some(({ HostIp }) => HostIp !== '127.0.0.1'))
        throw new Error(`${service} has ports of the host that are not on loopback`);
      if (service === 'redis' && open.length > 0) throw new Error('redis has ports of the host');
    }
  }
}

async function api(port, path) {
  return (await json(`http://127.0.0.1:${port}${path}`)).data;
}

async function json(url) {
  const answer = await fetch(url, { signal: AbortSignal.timeout(10_000) });
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}`);
  return answer.json();
}
