// What an idle connection holds, of two figures the larger one: the growth from a fresh server, and from one that has a tenth
// of the connections. A collected heap makes the one or the other smaller than what connections hold.

export const heldPerConnection = (run) => larger(run.workerBytesPerConnection, run.workerBytesPerConnectionFromStart);

export const heldPerConnectionByAll = (run) => larger(run.bytesPerConnection, run.bytesPerConnectionFromStart);

const larger = (one, other) => (one === undefined ? undefined : Math.max(one, other));
