import * as words from '../charts/words.ts';

const unbroken = (text: string): string => text.replaceAll(' ', '\u00a0');

/** As in charts, on one line: between a number and its unit no line ends. */
export const percent = (share: number): string => unbroken(words.percent(share));
export const bytesInWords = (bytes: number): string => unbroken(words.bytesInWords(bytes));
