/** @param header cells @param body rows of cells */
export function markdownTable(header, body) {
  const row = (cells) => `| ${cells.map((cell) => String(cell).replaceAll('|', '\\|')).join(' | ')} |`;
  return [row(header), row(header.map((_, i) => (i === 0 ? '---' : '---:'))), ...body.map(row)].join('\n');
}

export function terminalTable(header, body) {
  const rows = [header, ...body].map((cells) => cells.map(String));
  const widths = header.map((_, column) => Math.max(...rows.map((cells) => cells[column].length)));
  const line = (cells) =>
    cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join('  ');
  return rows.map((cells) => `  ${line(cells)}`.trimEnd()).join('\n');
}
