import { type ParseArgsConfig, parseArgs } from 'node:util';
import { UsageError } from './command-error.ts';
import type { FieldSchema } from './field-value.ts';

export const HELP: Option = { name: 'help', help: 'Shows this help.' };

/** One option, for parseArgs and --help. Booleans can also be given as --no-NAME. */
export interface Option {
  /** The name, without hyphens. */
  readonly name: string;
  /** The placeholder of its value in the help; undefined for a switch. */
  readonly value?: string;
  /** Whether it may be given several times. */
  readonly multiple?: boolean;
  readonly help: string;
  /** For options that are fields of the contract: their schema. */
  readonly schema?: FieldSchema;
}

export interface OptionGroup {
  readonly title: string;
  readonly options: readonly Option[];
}

/** The arguments after the name of a command. */
export interface Arguments {
  readonly values: Readonly<Record<string, string | boolean | readonly (string | boolean)[] | undefined>>;
  readonly positionals: readonly string[];
}

/** A command of the program, with its help. */
export interface Command {
  /** One word, or two as in "keys list". */
  readonly name: string;
  readonly summary: string;
  /** The arguments after the name, one line for each way to call it. */
  readonly synopsis: readonly string[];
  readonly about: string;
  readonly groups: readonly OptionGroup[];
  /**
   * @returns exit code
   * @throws UsageError, CommandError, AppError, Interrupted
   */
  run(args: Arguments): Promise<number>;
}

const optionsOf = ({ groups }: Command): readonly Option[] => [
  ...groups.flatMap(({ options }) => options),
  HELP,
];

/**
 * Parses the arguments after a command's name.
 * @throws UsageError for options that the command does not have, that lack their value, or that are repeated
 */
export function readArguments(command: Command, args: readonly string[]): Arguments {
  const known = optionsOf(command);
  const options = Object.fromEntries(
    known.map(({ name, value, multiple = false }) => [
      name,
      {
        type: value === undefined ? 'boolean' : 'string',
        multiple,
        ...(name === 'help' ? { short: 'h' } : {}),
      },
    ]),
  ) as NonNullable<ParseArgsConfig['options']>;
  const { values, positionals, tokens } = parse(args, options);
  const seen = new Set<string>();
  for (const token of tokens) {
    if (token.kind !== 'option') continue;
    if (seen.has(token.name) && !options[token.name]?.multiple) {
      throw new UsageError(`--${token.name} is given twice`);
    }
    seen.add(token.name);
  }
  return { values, positionals };
}

function parse(args: readonly string[], options: NonNullable<ParseArgsConfig['options']>) {
  try {
    return parseArgs({
      args: [...args],
      options,
      allowPositionals: true,
      allowNegative: true,
      strict: true,
      tokens: true,
    });
  } catch (error) {
    if (!(error instanceof TypeError && 'code' in error)) throw error;
    // The rest of the message gives advice on arguments that begin with hyphens.
    throw new UsageError(error.message.split(/\.\s|\n/, 1)[0]!.replace(/\.$/, ''));
  }
}

/** The value of an option that has one and can be given once. */
export function textOption({ values }: Arguments, name: string): string | undefined {
  const value = values[name];
  return typeof value === 'string' ? value : undefined;
}

export const isSet = ({ values }: Arguments, name: string): boolean => values[name] === true;

/** @throws UsageError if there are arguments left */
export function refusePositionals({ positionals }: Arguments): void {
  if (positionals.length > 0)
    throw new UsageError(`the argument ${JSON.stringify(positionals[0])} is not expected`);
}
