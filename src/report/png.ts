import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { Resvg } from '@resvg/resvg-js';

/** DejaVu has the Greek, Cyrillic, Arabic and Hebrew letters and the signs of mathematics that names and axes have. */
const PACKAGE = 'dejavu-fonts-ttf/package.json';
const FILES = ['DejaVuSans.ttf', 'DejaVuSans-Bold.ttf'];
const FAMILY = 'DejaVu Sans';

/** A drawing as PNG, in its own size. */
export function renderPng(svg: string): Uint8Array {
  const fontFiles = packagedFonts();
  const image = new Resvg(svg, {
    font: {
      loadSystemFonts: fontFiles === undefined,
      ...(fontFiles && { fontFiles }),
      defaultFontFamily: FAMILY,
      sansSerifFamily: FAMILY,
    },
    logLevel: 'off',
  });
  return image.render().asPng();
}

/**
 * Font files of the package, the same on every machine; undefined if it is not installed. Then the fonts of the system are
 * used.
 */
function packagedFonts(): string[] | undefined {
  try {
    const folder = join(dirname(createRequire(import.meta.url).resolve(PACKAGE)), 'ttf');
    const paths = FILES.map((file) => join(folder, file));
    return paths.every((path) => existsSync(path)) ? paths : undefined;
  } catch {
    return undefined;
  }
}
