/** The severity with which an event is written, or its debug logger. */
export type EventLevel = 'error' | 'warn' | 'info' | 'trace';

export interface LogEvent {
  readonly level: EventLevel;
  /** One sentence for whoever finds it in the log. */
  readonly meaning: string;
}

const error = (meaning: string): LogEvent => ({ level: 'error', meaning });
const warn = (meaning: string): LogEvent => ({ level: 'warn', meaning });
const info = (meaning: string): LogEvent => ({ level: 'info', meaning });
const trace = (meaning: string): LogEvent => ({ level: 'trace', meaning });

/**
 * Every `event` that is written to the error log. The names are stable: alerts and searches are built on them. A test
 * compares this list with the source code and with docs/logs.md.
 */
export const logEvents: Readonly<Record<string, LogEvent>> = Object.freeze({
  // The node.
  ready: info('Every worker accepts connections.'),
  'drain-requested': info('The node leaves: it is not ready any more, and its connections are handed off.'),
  'stop-requested': info('The node stops at once, in order.'),
  'stop-failed': error('A part did not stop in order, or not in time; the others went on.'),
  reload: info('Workers are being replaced, one at a time.'),
  'reload-done': info('Every worker runs with the new configuration and code.'),
  'reload-dropped': info('No reload, or not the rest of it: the node leaves.'),
  'reload-failed': error('A reload has failed; `msg` says how many workers were replaced. The others run as before.'),
  'reload-refused': error('The new configuration cannot be put in force; nothing has changed.'),
  'logs-reopened': info('This process goes on in new log files.'),
  'operations-failed': error('The operations port could not accept a connection.'),
  'tls-reloaded': info('New connections get the new certificate.'),
  'tls-reload-failed': error('The changed TLS files cannot be used; the old certificate stays.'),
  'tls-watch-failed': error(
    'Changes of the TLS files are not noticed by events; they are still looked at every 5 seconds.',
  ),
  // Workers.
  'start-failed': error('A worker could not start.'),
  'worker-failed': error('A worker has told the primary that it cannot start or go on.'),
  'worker-crashed': error('An error that nobody caught ends a worker; please report it.'),
  'worker-ended': error('The process of a worker is gone; another one takes its place.'),
  'worker-silent': error('A worker has not been heard of for too long and is killed.'),
  'worker-listening': info('A worker that took the place of another accepts connections.'),
  'worker-left': info('A worker that was replaced has taken its leave.'),
  'broker-lost': error('A worker has lost the embedded broker, and ends.'),
  'duty-failed': error('A worker could not begin what one worker does for the node, such as following logs.'),
  'duty-state-too-long': error('Where a duty has got to could not be kept; its next worker begins earlier.'),
  'duty-stop-failed': error('A duty did not end in order.'),
  // Connections and requests.
  'accept-failed': error('The system could not accept a connection, for instance for want of file descriptors.'),
  'connection-failed': error('Handling a connection failed inside Carillon, and it was closed; please report it.'),
  'route-error': error('A request could not be answered; `request` is its id.'),
  'app-error': error("An app's handler failed, and its connection was closed; `connection` is its id."),
  'encoding-error': error('Publications cannot be encoded for some connections; further failures are counted only.'),
  'handshakes-refused': warn('More handshakes came than `accept` allows; `reason` says which limit it was.'),
  'user-cap-failed': warn('Connections of users could not be counted, so `accept.perUser` does not hold meanwhile.'),
  disconnected: info('Connections of this worker were told to go, by an operator or a program.'),
  'severity-set': info('A viewer of the logs switched a severity.'),
  // The cluster.
  'node-name-taken': warn('Another node has the same name; names must be unique.'),
  'node-directory-failed': warn('This worker is not up to date in the list of nodes, and tries again.'),
  'control-ignored': warn('A control message could not be understood; another version of Carillon may have sent it.'),
  'redis-unavailable': warn('A Redis server cannot be used; `trouble` says in which way.'),
  'redis-available': info('The Redis server answers again, and publications come back.'),
  'redis-forbidden': warn('Redis refuses subscriptions to the user of this node.'),
  'redis-permitted': info('Redis refuses no subscription any more.'),
  'redis-slow-consumer': warn('Redis has ended the subscriber connection because this worker reads too slowly.'),
  'redis-malformed': warn('A payload of Redis was skipped because it cannot be read.'),
  // Apps.
  'chat-join-failed': error('A client cannot join a room.'),
  'chat-publish-failed': error('The broker accepts no messages for a room.'),
  'log-view-failed': error('A viewer could not open a log.'),
  'log-publish-failed': warn('Lines of a log are not accepted by the broker; they are kept and tried again.'),
  'log-record-failed': warn('The last lines of a log cannot be put down for viewers on other nodes.'),
  'log-unreadable': warn('A log cannot be read; it is tried again and again.'),
  'log-watch-failed': warn('There are no events for a log; it is polled.'),
  // The debug loggers.
  handshake: trace('A connection has begun.'),
  close: trace('A connection has ended.'),
  subscribe: trace('A connection has entered a subscription.'),
  unsubscribe: trace('A connection has left a subscription.'),
  receive: trace('A message of a client has come in.'),
  multicast: trace('A publication goes to the broker.'),
  deliver: trace('A publication has come from the broker.'),
  send: trace('A message goes to one connection.'),
  'leave-failed': trace('The broker could not be told that a subscription or a member was left; time will tell it.'),
});
