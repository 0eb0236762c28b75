/** A subscription's name that cannot be used. */
export class SubscriptionNameError extends Error {
  readonly code = 'SUBSCRIPTION_NAME';
}

/** The broker in use lacks a capability, such as presence, or the subscription's rule does not make use of it. */
export class CapabilityError extends Error {
  readonly code = 'BROKER_CAPABILITY';
  constructor(capability: string, message = `the broker offers no ${capability}`) {
    super(message);
  }
}

/** No node of that name is in the cluster. */
export class UnknownNodeError extends Error {
  readonly code = 'UNKNOWN_NODE';
  constructor(name: string, names: readonly string[]) {
    super(`there is no node ${JSON.stringify(name)} in the cluster; there are ${names.join(', ') || 'none'}`);
  }
}

/** An argument that cannot be used; the message names it. */
export class ArgumentError extends RangeError {
  readonly code = 'ARGUMENT';
}
