/** One static file of a page, held in memory. */
export interface PageFile {
  readonly body: Buffer;
  readonly contentType: string;
  /** Strong ETag (RFC 9110 §8.8.3), quotes included. */
  readonly etag: string;
}

/** A page's files by name, `index.html` among them. In `index.html` every `{{base}}` is replaced by the app's URL at mounting. */
export type PageFiles = ReadonlyMap<string, PageFile>;
