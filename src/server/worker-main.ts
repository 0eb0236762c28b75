// Entry of a worker process. It reads neither arguments nor files: its primary sends it the configuration.
// The signals come first and the rest is loaded after them, because a terminal's Ctrl-C and a service manager's signals
// reach all processes at any time.

let reopenLogs = (): void => {};

// When to stop says the primary.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => {});
process.on('SIGHUP', () => {});
// The primary says this too; twice harms nobody.
process.on('SIGUSR2', () => reopenLogs());

const { runWorker } = await import('./run-worker.ts');
reopenLogs = runWorker();
