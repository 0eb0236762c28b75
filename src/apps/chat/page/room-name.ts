/** What people call the room: the last part of its URL, as it was written where its escapes are not UTF-8. */
export function roomNameOf(url: string): string {
  const segment = url.split('/').findLast((part) => part !== '') ?? 'chat';
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
