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
