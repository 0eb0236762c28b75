// Preloaded into every process of the suite (NODE_OPTIONS=--require), it takes away what is not public API of Node:
// Carillon then has to do without.
delete process.binding;
