import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** DejaVu has the Greek, Cyrillic, Arabic and Hebrew letters and the signs of mathematics that names and axes have. */
const PACKAGE = 'dejavu-fonts-ttf/package.json';
const FILES = ['DejaVuSans.ttf', 'DejaVuSans-Bold.ttf'];
export const FAMILY = 'DejaVu Sans';

/**
 * Font files of the package, the same on every machine; undefined where it is not installed: then the fonts of the
 * system have to do.
 */
export function packagedFonts(): string[] | undefined {
  try {
    const folder = join(dirname(createRequire(import.meta.url).resolve(PACKAGE)), 'ttf');
    const paths = FILES.map((file) => join(folder, file));
    return paths.every((path) => existsSync(path)) ? paths : undefined;
  } catch {
    return undefined;
  }
}
