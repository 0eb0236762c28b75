import { writeFile } from 'node:fs/promises';

/** For whoever wants to see what a test measured: as JSON in the file that `CARILLON_TEST_REPORT` names, if it does. */
export async function reportFigures(figures: unknown): Promise<void> {
  const file = process.env['CARILLON_TEST_REPORT'];
  if (file !== undefined) await writeFile(file, `${JSON.stringify(figures, undefined, 2)}\n`);
}
