import { Resvg } from '@resvg/resvg-js';
import { FAMILY, packagedFonts } from './fonts.ts';

/** A drawing as PNG, in its own size. */
export function pngOf(svg: string): Uint8Array {
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
