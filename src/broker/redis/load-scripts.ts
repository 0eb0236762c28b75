/** One operation of `lua/`: a file that says its KEYS and ARGV in its header. */
export interface Script {
  /** File name without `.lua`. */
  readonly name: string;
  readonly source: string;
  /** SHA-1 of the source in hex, for EVALSHA. */
  readonly sha: string;
  readonly keys: number;
}
