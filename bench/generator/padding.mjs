// What follows the stamp in a message.

/** @param kind `plain`: dots; `json`: records such as an application sends, which compress to about a third */
export function padding(kind, bytes) {
  if (bytes <= 0) return '';
  if (kind === 'plain') return '.'.repeat(bytes);
  let text = '';
  for (let i = 0; text.length < bytes; i++) {
    const noise = (i * 2_654_435_761) % 4_294_967_296;
    text += JSON.stringify({
      id: noise,
      symbol: `S${noise % 97}`,
      price: (noise % 10_000) / 100,
      at: 1_700_000_000 + i,
    });
  }
  return text.slice(0, bytes);
}
