import type { Arguments, Option } from './command.ts';
import { isSet } from './command.ts';
import type { ReportedFailure } from './command-error.ts';
import { PROGRAM } from './usage.ts';

export const JSON_OPTION: Option = {
  name: 'json',
  help: 'Print JSON on a terminal too; if the output is not a terminal, JSON is the default.',
};

/** Whether the output is for people, who get text; programs get JSON. */
export const isTextOutput = (args: Arguments): boolean =>
  process.stdout.isTTY === true && !isSet(args, 'json');

/** Plain spaces instead of no-break ones: lines are already broken, and people search with plain spaces. */
const plainSpaces = (text: string): string => text.replaceAll('\u00a0', ' ');

/** Writes a text and the end of its last line to standard output. */
export const print = (text: string): void => void process.stdout.write(`${plainSpaces(text)}\n`);

/** One document on one line. */
export const printJson = (value: unknown): void => void process.stdout.write(`${JSON.stringify(value)}\n`);

/**
 * Writes a failure to standard error.
 * @param about the folder that it concerns, if there are several
 */
export function printFailure({ code, detail }: ReportedFailure, about?: string): void {
  const where = about === undefined ? '' : `${about}: `;
  process.stderr.write(`${PROGRAM}: ${where}${code}: ${plainSpaces(detail)}\n`);
}
