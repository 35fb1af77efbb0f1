import { ConfigError } from '../errors/config-error.ts';
import { PRODUCT } from '../version.ts';
import { ADMIN_BACKUP, ADMIN_MIGRATE, ADMIN_RESTORE, ADMIN_VERIFY } from './admin-command.ts';
import { ANALYZE } from './analyze-command.ts';
import {
  BATCH_CANCEL,
  BATCH_CREATE,
  BATCH_GET,
  BATCH_LIST,
  BATCH_RESULTS,
  BATCH_RETRY,
} from './batch-command.ts';
import type { Command } from './command.ts';
import { isSet, readArguments } from './command.ts';
import { EXIT, Interrupted, reportedFailure, UsageError } from './command-error.ts';
import { JOBS_CANCEL, JOBS_DOWNLOAD, JOBS_GET, JOBS_LIST, JOBS_RETRY } from './jobs-command.ts';
import { KEYS_CREATE, KEYS_LIST, KEYS_REVOKE, KEYS_ROTATE_SECRETS } from './keys-command.ts';
import { MERGE } from './merge-command.ts';
import { print, printFailure } from './output.ts';
import { SERVE } from './serve-command.ts';
import { SQUEEZE } from './squeeze-command.ts';
import {
  TENANTS_CANCEL,
  TENANTS_DELETE,
  TENANTS_LIST,
  TENANTS_RESUME,
  TENANTS_SET,
  TENANTS_SHOW,
  TENANTS_SUSPEND,
  USAGE,
  WORKERS_DRAIN,
  WORKERS_LIST,
} from './tenants-command.ts';
import { commandUsage, PROGRAM, programUsage } from './usage.ts';
import { WATCH } from './watch-command.ts';

/** All commands, in the order of the help. */
export const COMMANDS: readonly Command[] = [
  ...[SQUEEZE, ANALYZE, MERGE],
  ...[JOBS_LIST, JOBS_GET, JOBS_CANCEL, JOBS_RETRY, JOBS_DOWNLOAD],
  ...[BATCH_CREATE, BATCH_LIST, BATCH_GET, BATCH_RESULTS, BATCH_CANCEL, BATCH_RETRY, WATCH],
  SERVE,
  ...[KEYS_CREATE, KEYS_LIST, KEYS_REVOKE, KEYS_ROTATE_SECRETS],
  USAGE,
  ...[
    TENANTS_LIST,
    TENANTS_SHOW,
    TENANTS_SET,
    TENANTS_SUSPEND,
    TENANTS_RESUME,
    TENANTS_CANCEL,
    TENANTS_DELETE,
  ],
  ...[WORKERS_LIST, WORKERS_DRAIN],
  ...[ADMIN_BACKUP, ADMIN_RESTORE, ADMIN_VERIFY, ADMIN_MIGRATE],
];

/** The first words of commands that have two. */
const GROUPS = new Set(
  COMMANDS.map(({ name }) => name.split(' ')).flatMap(([first, second]) => (second ? [first] : [])),
);

/** The command at the beginning of the arguments, and the remaining arguments. */
function commandIn(args: readonly string[]): { command: Command; rest: readonly string[] } | undefined {
  for (const command of COMMANDS) {
    const words = command.name.split(' ');
    if (words.every((word, i) => args[i] === word)) return { command, rest: args.slice(words.length) };
  }
  return undefined;
}

const isHelp = (word: string | undefined): boolean => ['--help', '-h', 'help'].includes(word ?? '');

async function done(args: readonly string[]): Promise<number> {
  const found = commandIn(args);
  if (found) {
    const given = readArguments(found.command, found.rest);
    if (!isSet(given, 'help')) return found.command.run(given);
    print(commandUsage(found.command));
    return EXIT.ok;
  }
  const [first, second] = args;
  if (first === '--version') print(PRODUCT.version);
  else if (isHelp(first)) print(programUsage(COMMANDS));
  else if (GROUPS.has(first) && isHelp(second))
    print(programUsage(COMMANDS.filter(({ name }) => name.startsWith(`${first} `))));
  else if (first === undefined) throw new UsageError('specify a command');
  else
    throw new UsageError(
      `there is no command ${JSON.stringify(GROUPS.has(first) && second ? `${first} ${second}` : first)}`,
    );
  return EXIT.ok;
}

/**
 * Reports a failure on standard error.
 * @returns the exit code
 */
function ended(error: unknown, args: readonly string[]): number {
  if (error instanceof UsageError) {
    const name = commandIn(args)?.command.name;
    process.stderr.write(`${PROGRAM}: ${error.message}\nSee ${PROGRAM} ${name ? `${name} ` : ''}--help\n`);
    return EXIT.usage;
  }
  if (error instanceof ConfigError) {
    process.stderr.write(`${PROGRAM}: ${error.message}\n`);
    return EXIT.usage;
  }
  if (error instanceof Interrupted) {
    process.stderr.write(`${PROGRAM}: ${error.message}\n`);
    return EXIT[error.signal];
  }
  printFailure(reportedFailure(error));
  return EXIT.failed;
}

/**
 * Runs the command line.
 * @returns the exit code
 */
export const runProgram = (args: readonly string[]): Promise<number> =>
  done(args).catch((error: unknown) => ended(error, args));
