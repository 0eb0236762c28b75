/** The connection closed before the operation took effect. */
export class ConnectionClosedError extends Error {
  readonly code = 'CONNECTION_CLOSED';
  constructor(connectionId: string) {
    super(`connection ${connectionId} is closed`);
  }
}

/** The connection is not present in that subscription. */
export class NotPresentError extends Error {
  readonly code = 'NOT_PRESENT';
  constructor(connectionId: string, name: string) {
    super(`connection ${connectionId} is not present in "${name}"`);
  }
}

/** A subscription's name that cannot be used. */
export class SubscriptionNameError extends Error {
  readonly code = 'SUBSCRIPTION_NAME';
}

/** The broker in use lacks a capability, such as presence. */
export class CapabilityError extends Error {
  readonly code = 'BROKER_CAPABILITY';
  constructor(capability: string) {
    super(`the broker offers no ${capability}`);
  }
}
