import type { Command, Option, OptionGroup } from './command.ts';
import { HELP } from './command.ts';
import { fieldValues } from './field-value.ts';
import { wrapText } from './format.ts';

const WIDTH = 100;
const INDENT = 2;
const COLUMN = 30;

export const PROGRAM = 'lora-squeeze';

/** The help of the program. */
export function programUsage(commands: readonly Command[]): string {
  const rows = commands.map(({ name, summary }) => row(name, summary));
  return [
    'Squeezes LoRA adapters to the rank at which they are served.',
    '',
    `Usage: ${PROGRAM} COMMAND …`,
    '',
    'Commands',
    ...rows,
    '',
    row('--version', 'Shows the version.'),
    row('--help', `Shows this help; ${PROGRAM} COMMAND --help shows the help of a command.`),
    '',
    'Exit codes: 0 done, 1 something failed, 2 invalid arguments, 130 stopped by Ctrl-C.',
    '',
  ].join('\n');
}

/** The help of a command. */
export function commandUsage({ name, synopsis, about, groups }: Command): string {
  const calls = synopsis.map((line, i) =>
    `${i === 0 ? 'Usage:' : '      '} ${PROGRAM} ${name} ${line}`.trimEnd(),
  );
  const sections = groups.map(({ title, options }) => section(title, options));
  return [...calls, '', ...wrapText(about, WIDTH), '', ...sections, section('Help', [HELP])].join('\n');
}

const section = (title: OptionGroup['title'], options: readonly Option[]): string =>
  [title, ...options.map(optionRow), ''].join('\n');

function optionRow({ name, value, help, schema }: Option): string {
  const flag = value === undefined ? `--${name}` : `--${name} ${value}`;
  const what = schema && fieldValues(schema).replace(/^a /, '');
  return row(flag, what === undefined ? help : `${help.replace(/\.$/, '')} (${what}).`);
}

function row(left: string, right: string): string {
  const [first = '', ...rest] = wrapText(right, WIDTH - COLUMN);
  const head = `${' '.repeat(INDENT)}${left}`;
  const lines = head.length < COLUMN ? [head.padEnd(COLUMN) + first] : [head, ' '.repeat(COLUMN) + first];
  return [...lines, ...rest.map((line) => ' '.repeat(COLUMN) + line)].join('\n');
}
