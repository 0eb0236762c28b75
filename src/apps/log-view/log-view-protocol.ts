/**
 * The JSON mode of log-view, specified in docs/log-view.md. This file is shared by the server and the page: types and
 * numbers only, nothing of Node and nothing of the DOM.
 */

/** The subprotocol that selects the JSON mode. Without it a client gets plain lines, `<node>: <line>`. */
export const logViewSubprotocol: string = 'carillon.log-view.v1';

/**
 * Longest line shown, in bytes; what is beyond is replaced by ` … [N bytes cut]`. A line that is not UTF-8 and would be
 * longer than this when it is made readable is cut after a third of it.
 */
export const lineCapBytes: number = 64 * 1024;
/** Most lines of one `lines` message. */
export const batchLines: number = 1_000;
/** Most bytes of line text in one `lines` message; a single line may be longer by its marker. */
export const batchBytes: number = 64 * 1024;
/** Most lines of backlog that a client may ask for. */
export const backlogLines: number = 10_000;
/** Most bytes of backlog that are sent; of more, the newest. */
export const backlogBytes: number = 1024 * 1024;
/** Longest epoch of a `since`, in UTF-16 code units. */
export const epochUnits: number = 128;
/** Longest `ref`, in UTF-16 code units. */
export const refUnits: number = 64;

/** A place in what is kept of a log: offsets grow by one; they can be compared where the epochs are equal. */
export interface LinesPosition {
  readonly epoch: string;
  readonly offset: number;
}

/** Why a client could not be given what it missed; each is explained in docs/log-view.md. */
export type LossReason = 'no-history' | 'trimmed' | 'epoch' | 'too-many';

export type LogViewClientMessage =
  /**
   * Watch this log instead of the present one; the same one again gets its backlog again. With `since`, the position
   * that came last, it is given what came after that instead, where that can be had.
   */
  | {
      readonly type: 'open';
      readonly log: string;
      readonly tail?: number;
      readonly since?: LinesPosition;
      readonly ref?: string;
    }
  /** Ask for a `severities` message. */
  | { readonly type: 'severities'; readonly ref?: string }
  /** Throw one switch, on every worker of this node, of another one, or with `*` of all. */
  | {
      readonly type: 'severity';
      readonly name: string;
      readonly on: boolean;
      readonly node?: string;
      readonly ref?: string;
    };

export type LogViewServerMessage =
  | WelcomeMessage
  | SeveritiesMessage
  | NodesMessage
  | OpenedMessage
  | LinesMessage
  | GapMessage
  | DoneMessage
  | LogViewErrorMessage;

/** The first message of a connection. `severities` and, where there is a log, `opened` follow. */
export interface WelcomeMessage {
  readonly type: 'welcome';
  /** Name of the node, and number of the worker on it, that hold this connection. */
  readonly node: string;
  readonly worker: number;
  /** Names of the logs, in the order of the configuration, Carillon's own last. Empty: there is none. */
  readonly logs: readonly string[];
  /** How often appended lines are sent, in milliseconds. */
  readonly refresh: number;
  /** Lines of backlog unless `open` says otherwise. */
  readonly tail: number;
}

/** The present state of the severities of this node: on opening, when asked, and after each change by anybody. */
export interface SeveritiesMessage {
  readonly type: 'severities';
  /** Severity → whether it is on, in the order in which to show them. */
  readonly state: Readonly<Record<string, boolean>>;
  /** Whether this client may send `severity`. */
  readonly canSet: boolean;
  /** Given where this answers a `severities` that had one. */
  readonly ref?: string;
}

/** The nodes of the cluster, by name: on opening, and when one comes or goes or switches a severity. */
export interface NodesMessage {
  readonly type: 'nodes';
  readonly nodes: readonly NodeState[];
}

export interface NodeState {
  readonly name: string;
  readonly severities: Readonly<Record<string, boolean>>;
}

/** From here on the connection watches this log. The backlog follows, then what is appended: no gap, no duplicate. */
export interface OpenedMessage {
  readonly type: 'opened';
  readonly log: string;
  /** Files of this node that the log consists of now. */
  readonly files: readonly LogFile[];
  /** Lines of backlog that follow, in `lines` messages with `backlog`: the last ones of every node. */
  readonly backlog: number;
  /** Other nodes of the cluster whose last lines are not known; absent where there are none. */
  readonly absent?: readonly string[];
  /** Where the log has history: the place after the backlog, or the `since` that what follows continues. */
  readonly position?: LinesPosition;
  /**
   * Where the client said `since`. true: what follows, without a backlog, is exactly what it missed. false: lines may
   * be missing before the backlog, and `reason` says why.
   */
  readonly recovered?: boolean;
  readonly reason?: LossReason;
  readonly ref?: string;
}

export interface LogFile {
  /** The file's name; for a glob its path below the glob's base directory. Never an absolute path. */
  readonly file: string;
  /** `missing` and `unreadable` files are followed from the moment they can be. */
  readonly state: 'followed' | 'missing' | 'unreadable';
}

/** Whole lines of one file, in the file's order, without line ends. 1 to `batchLines` of them. */
export interface LinesMessage {
  readonly type: 'lines';
  readonly log: string;
  /** Name of the node whose file it is; null for lines that another program published. */
  readonly node: string | null;
  /** As in `LogFile`; null for lines that another program published. */
  readonly file: string | null;
  readonly lines: readonly string[];
  /** Present and true: part of the backlog. */
  readonly backlog?: true;
  /** Of lines that are not of the backlog, where the log has history: up to here the client has everything. */
  readonly position?: LinesPosition;
}

/** Lines of this log may have been missed at this point. */
export interface GapMessage {
  readonly type: 'gap';
  readonly log: string;
  /** Present: so many `lines` messages were dropped here, as the client does not read fast enough. */
  readonly missed?: number;
}

/** A `severity` that had a `ref` was carried out. */
export interface DoneMessage {
  readonly type: 'done';
  readonly ref: string;
}

/** A message of the client was not carried out; the connection stays as it was. */
export interface LogViewErrorMessage {
  readonly type: 'error';
  readonly code: LogViewErrorCode;
  /** One sentence for people. */
  readonly message: string;
  readonly ref?: string;
}

export type LogViewErrorCode =
  /** Not JSON, not an object, binary, or with a field that is missing or of the wrong kind. */
  | 'bad-message'
  /** No log has this name. */
  | 'unknown-log'
  /** No severity has this name. */
  | 'unknown-severity'
  /** No node of the cluster has this name. */
  | 'unknown-node'
  /** This client may not set severities: the view is public and the client has not said who it is. */
  | 'not-allowed'
  /** The log could not be opened or the switch not thrown; try again later. */
  | 'not-accepted';
