/** Descriptor of the broker's pipe in a worker; before it come the standard streams and node:cluster's channel. */
export const brokerDescriptor = 4;
