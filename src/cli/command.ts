import type { FieldSchema } from './field-value.ts';

/** One option as parseArgs takes it and --help tells it. Booleans can also be said as --no-NAME. */
export interface Option {
  /** Without the hyphens. */
  readonly name: string;
  /** What stands for its value in the help; undefined: a switch. */
  readonly value?: string;
  /** May be given several times. */
  readonly multiple?: boolean;
  readonly help: string;
  /** Of options that are fields of the contract: what they may be. */
  readonly schema?: FieldSchema;
}

export interface OptionGroup {
  readonly title: string;
  readonly options: readonly Option[];
}

/** What was typed after the name of a command. */
export interface Arguments {
  readonly values: Readonly<Record<string, string | boolean | readonly (string | boolean)[] | undefined>>;
  readonly positionals: readonly string[];
}

/** A command of the program, with what --help says of it. */
export interface Command {
  /** One word, or two as in "keys list". */
  readonly name: string;
  readonly summary: string;
  /** What follows the name, one line for each way to call it. */
  readonly synopsis: readonly string[];
  readonly about: string;
  readonly groups: readonly OptionGroup[];
  /**
   * @returns exit code
   * @throws UsageError, CommandError, AppError, Interrupted
   */
  run(args: Arguments): Promise<number>;
}
