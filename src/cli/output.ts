import type { Arguments, Option } from './command.ts';
import { isSet } from './command.ts';
import type { ReportedFailure } from './command-error.ts';
import { PROGRAM } from './usage.ts';

export const JSON_OPTION: Option = {
  name: 'json',
  help: 'Print JSON on a terminal too; elsewhere it is the default.',
};

/** Whether the output is for people, who get text; programs get JSON. */
export const isTextOutput = (args: Arguments): boolean =>
  process.stdout.isTTY === true && !isSet(args, 'json');

export const print = (text: string): void => void process.stdout.write(`${text}\n`);

/** One document on one line. */
export const printJson = (value: unknown): void => print(JSON.stringify(value));

/**
 * Writes a failure to standard error.
 * @param about the folder that it concerns, if there are several
 */
export function printFailure({ code, detail }: ReportedFailure, about?: string): void {
  const where = about === undefined ? '' : `${about}: `;
  process.stderr.write(`${PROGRAM}: ${where}${code}: ${detail}\n`);
}
