import { setPlatformAPI } from 'echarts/core';

const NARROW = /[iljtfrI.,:;'|!()[\] ]/;
const WIDE = /[mwMW%@‖∗→]/;
const CAPITAL = /\p{Lu}/u;
/** Ideographs, kana, Hangul, emoji: as wide as high. */
const SQUARE = /[\u{2e80}-\u{d7ff}\u{f900}-\u{faff}\u{ff00}-\u{ff60}\u{1f000}-\u{3ffff}]/u;

/**
 * Width of a text in pixels, as a wide font (DejaVu Sans) has it: without a browser nobody can measure, and what is laid
 * out for a wide font does not overlap in another one.
 * @param font as CSS writes it, such as "600 15px sans-serif"
 */
export function textWidth(text: string, font: string): number {
  const size = Number(/([\d.]+)px/.exec(font)?.[1] ?? 12);
  let ems = 0;
  for (const character of text) ems += emsOf(character);
  return ems * size;
}

const emsOf = (character: string): number => {
  if (NARROW.test(character)) return 0.36;
  if (WIDE.test(character)) return 0.95;
  if (SQUARE.test(character)) return 1;
  return CAPITAL.test(character) ? 0.7 : 0.62;
};

/** Charts that are laid out in this process measure their texts this way. */
export const measureTexts = (): void =>
  setPlatformAPI({ measureText: (text, font = '12px sans-serif') => ({ width: textWidth(text, font) }) });
