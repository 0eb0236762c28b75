// Which runs are made, in which order: in every round every scenario with each of its systems, so that whatever is
// compared ran a little apart.
import { UsageError } from './flags.mjs';
import { scenarios as known } from './scenarios.mjs';

/**
 * @param systems Map of all systems, by name
 * @param wanted names of scenarios and systems, or undefined for all
 * @returns [{name, scenario, systems}], without scenarios that have none of the systems
 */
export function plan(systems, wanted, { payloadBytes }) {
  const names = wanted.scenarios ?? Object.keys(known).filter((name) => !known[name].onlyOnDemand);
  check(names, Object.keys(known), 'scenarios');
  if (wanted.systems !== undefined) check(wanted.systems, [...systems.keys(), ...families(systems)], 'systems');
  const planned = names.map((name) => {
    const scenario = known[name];
    const takesPart = ([system, { family }]) =>
      scenario.systems.includes(family) &&
      (wanted.systems === undefined || wanted.systems.includes(system) || wanted.systems.includes(family));
    const payload = payloadBytes === undefined ? scenario.payload : { ...scenario.payload, bytes: payloadBytes };
    return {
      name,
      scenario: { ...scenario, payload },
      systems: [...systems].filter(takesPart).map(([system]) => system),
    };
  });
  const rows = planned.filter((row) => row.systems.length > 0);
  if (rows.length === 0) throw new UsageError('none of these systems takes part in any of these scenarios');
  return rows;
}

const families = (systems) => [...systems.values()].map(({ family }) => family);

function check(names, known, flag) {
  for (const name of names)
    if (!known.includes(name))
      throw new UsageError(`--${flag} "${name}": expected some of ${[...new Set(known)].join(', ')}`);
}
