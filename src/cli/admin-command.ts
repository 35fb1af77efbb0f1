import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Config, loadRolelessConfig } from '../app/config.ts';
import { makeDataFolderPrivate } from '../app/data-folder.ts';
import type { BackupWork } from '../backup/backup-work.ts';
import { BACKUP_STEPS, makeBackup } from '../backup/make-backup.ts';
import { RESTORE_STEPS, restoreBackup } from '../backup/restore-backup.ts';
import { VERIFY_STEPS, type VerificationResult, verify } from '../backup/verify.ts';
import type { VerifyProblem } from '../backup/wrong-rows.ts';
import { formatBytes } from '../charts/format.ts';
import { appliedMigrations, MIGRATIONS, migrate } from '../database/migration.ts';
import { connectDatabase, DATABASE_FILE } from '../database/open-database.ts';
import { counted } from '../errors/counted.ts';
import { openStore } from '../storage/open-store.ts';
import type { Arguments, Command, Option } from './command.ts';
import { isSet, refusePositionals } from './command.ts';
import { CommandError, EXIT, UsageError } from './command-error.ts';
import { interruptible } from './interrupt.ts';
import { isTextOutput, JSON_OPTION, print, printJson } from './output.ts';
import { ProgressBar } from './progress-bar.ts';

/**
 * The time limit of a statement: whole tables are read and written, which takes longer than the statements of a
 * service.
 */
const STATEMENT_MS = 60_000;

const PLACES = 'Works on the database and the storage that DATABASE_URL, DATA_DIR and STORAGE_URL name';
const QUICK: Option = { name: 'quick', help: 'Compare sizes only, without reading content.' };
const OUTPUT = { title: 'Output', options: [JSON_OPTION] };

export const ADMIN_BACKUP: Command = {
  name: 'admin backup',
  summary: 'Saves the database and its content in a folder.',
  synopsis: ['DIR'],
  about:
    `${PLACES}, whether or not a service is running. The backup contains the state as of the moment when ` +
    'it starts; no content is deleted while it runs. DIR must be empty or new. The backup does not contain SECRETS_KEYS ' +
    'or the file secrets.key in DATA_DIR.',
  groups: [OUTPUT],
  async run(args) {
    const folder = folderOf(args);
    const { begun_at, version, tables, content } = await withPlaces('backup', BACKUP_STEPS, (work) =>
      makeBackup(folder, work),
    );
    const rows = tables.reduce((sum, table) => sum + table.rows, 0);
    if (!isTextOutput(args)) printJson({ folder, begun_at, version, rows, content });
    else
      print(
        `${folder} contains ${counted(rows, 'row')} and ${counted(content.files, 'file')} of content (${formatBytes(content.bytes)}).`,
      );
    return EXIT.ok;
  },
};

export const ADMIN_RESTORE: Command = {
  name: 'admin restore',
  summary: 'Restores a backup into a new database and an empty storage.',
  synopsis: ['DIR [--quick]'],
  about:
    `${PLACES}, which may differ from those of the backup: SQLite or PostgreSQL, a folder or a bucket. No service may ` +
    'use them meanwhile. Everything is verified afterwards. Unfinished jobs run when a service starts.',
  groups: [{ title: 'Verification', options: [QUICK] }, OUTPUT],
  async run(args) {
    const folder = folderOf(args);
    const steps = [...RESTORE_STEPS, ...VERIFY_STEPS];
    const restored = async (work: BackupWork) => {
      const { begun_at } = await restoreBackup(folder, work, MIGRATIONS);
      const { sums, lines } = await verified(args, work);
      return { sums, lines: [`Restored the state of ${begun_at}.`, ...lines] };
    };
    return printVerification(args, await withPlaces('restore', steps, restored, { isNew: true }));
  },
};

export const ADMIN_VERIFY: Command = {
  name: 'admin verify',
  summary: 'Checks that database and storage agree.',
  synopsis: ['[--quick]'],
  about:
    `${PLACES}, whether or not a service is running, and changes nothing. All content is read and compared with its ` +
    'SHA-256. Exits with 1 if something is wrong. Objects that are not in the database are listed but are harmless.',
  groups: [{ title: 'Verification', options: [QUICK] }, OUTPUT],
  async run(args) {
    refusePositionals(args);
    return printVerification(args, await withPlaces('verify', VERIFY_STEPS, (work) => verified(args, work)));
  },
};

export const ADMIN_MIGRATE: Command = {
  name: 'admin migrate',
  summary: 'Migrates the tables of the database.',
  synopsis: [''],
  about:
    'Works on the database that DATABASE_URL or DATA_DIR names. Every process of the service does the same when it starts; ' +
    'use this to migrate beforehand. Running processes of the previous version continue.',
  groups: [OUTPUT],
  async run(args) {
    refusePositionals(args);
    const config = loadRolelessConfig();
    await makeDataFolderPrivate(config.dataDir);
    const database = patientDatabase(config);
    try {
      const migrated = await migrate(database, MIGRATIONS);
      const applied = await appliedMigrations(database);
      if (!isTextOutput(args)) printJson({ migrated, applied });
      else if (migrated.length > 0) print(`Applied ${migrated.join(', ')}.`);
      else print(`The database is up to date: it has ${applied.join(', ')}.`);
    } finally {
      await database.close();
    }
    return EXIT.ok;
  },
};

/**
 * Does some work on the database and the storage, with a progress bar, until a signal arrives. @throws CommandError
 * DATABASE_MISSING
 */
async function withPlaces<T>(
  name: string,
  steps: readonly string[],
  work: (work: BackupWork) => Promise<T>,
  { isNew = false } = {},
): Promise<T> {
  const config = loadRolelessConfig();
  const { url, dataDir } = config.database;
  // Checked because SQLite would create the file.
  if (!isNew && url === undefined && !existsSync(join(dataDir, DATABASE_FILE)))
    throw new CommandError(
      'DATABASE_MISSING',
      `There is no ${DATABASE_FILE} in ${dataDir}. Set DATA_DIR, or DATABASE_URL.`,
    );
  await makeDataFolderPrivate(dataDir);
  const store = await openStore(config);
  const database = patientDatabase(config);
  const bar = new ProgressBar(name, steps);
  try {
    return await interruptible((signal) =>
      work({ database, store, signal, onProgress: (progress) => bar.update(progress) }),
    );
  } finally {
    bar.close();
    await database.close();
    await store.close();
  }
}

const patientDatabase = ({ database }: Config) =>
  connectDatabase({ ...database, timeoutMs: Math.max(database.timeoutMs, STATEMENT_MS) });

interface VerificationOutput {
  readonly sums: VerificationResult;
  /** Lines for people, which are written after the progress bar has been removed. */
  readonly lines: readonly string[];
}

/** Verifies everything; with --json, each fault is printed when it is found. */
async function verified(args: Arguments, work: BackupWork): Promise<VerificationOutput> {
  const asText = isTextOutput(args);
  const lines: string[] = [];
  const sums = await verify({
    ...work,
    isQuick: isSet(args, 'quick'),
    onProblem: (problem) => void (asText ? lines.push(problemLine(problem)) : printJson(problem)),
    onUnknown: (key) =>
      void (asText ? lines.push(`unknown to the database: ${key}`) : printJson({ unknown: key })),
  });
  return { sums, lines: [...lines, summary(sums)] };
}

/** @returns the exit code */
function printVerification(args: Arguments, { sums, lines }: VerificationOutput): number {
  if (isTextOutput(args)) print(lines.join('\n'));
  else printJson(sums);
  return sums.problems === 0 ? EXIT.ok : EXIT.failed;
}

function problemLine({ problem, id, detail, used_by = [] }: VerifyProblem): string {
  const users = used_by.length > 0 ? ` Used by ${used_by.join(', ')}.` : '';
  return `${problem} ${id}: ${detail}${users}`;
}

function summary({ contents, bytes, problems }: VerificationResult): string {
  const found = problems === 0 ? 'nothing is wrong' : counted(problems, 'problem');
  return `${counted(contents, 'file')} of content (${formatBytes(bytes)}): ${found}.`;
}

function folderOf(args: Arguments): string {
  const [folder, ...more] = args.positionals;
  if (folder === undefined) throw new UsageError('specify the folder (DIR)');
  refusePositionals({ ...args, positionals: more });
  return folder;
}
