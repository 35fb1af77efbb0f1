import { mkdir, mkdtemp, readdir, rename, rm, rmdir, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { CARD_FILE, CONFIG_FILE, REPORT_FILE } from '../adapter/file-names.ts';
import { FORMATS } from '../formats/formats.ts';
import { syncFile } from '../storage/durable-file.ts';
import { CommandError } from './command-error.ts';
import type { ResultFile } from './engine.ts';

/** The only files that a folder replaced by --force may contain: results of this command. */
const OWN_FILES: readonly string[] = [
  ...FORMATS.map(({ weightsName }) => weightsName),
  CONFIG_FILE,
  CARD_FILE,
  REPORT_FILE,
  'projections.safetensors',
];

/**
 * The folder of a result, created atomically: everything is written into a hidden folder beside it, which is then
 * renamed. Until then the folder does not exist, or is the old one, unchanged.
 */
export class OutputFolder {
  /** A folder for the engine's files, on the same file system as the result. */
  readonly workDir: string;
  readonly #path: string;
  /** The path as the user gave it. */
  readonly path: string;
  readonly #hidden: string;
  readonly #isForced: boolean;
  /** The topmost parent folder that did not exist. */
  readonly #madeParent: string | undefined;

  private constructor(path: string, hidden: string, isForced: boolean, madeParent: string | undefined) {
    this.path = path;
    this.#path = resolve(path);
    this.#hidden = hidden;
    this.workDir = join(hidden, 'work');
    this.#isForced = isForced;
    this.#madeParent = madeParent;
  }

  /**
   * @param isForced whether an earlier result at this path is replaced
   * @throws CommandError OUTPUT_EXISTS; errors of the file system
   */
  static async open(path: string, isForced: boolean): Promise<OutputFolder> {
    const absolute = resolve(path);
    await refuseExisting(absolute, path, isForced);
    const parent = dirname(absolute);
    const madeParent = await mkdir(parent, { recursive: true });
    const hidden = await mkdtemp(join(parent, `.${basename(absolute)}.`));
    const folder = new OutputFolder(path, hidden, isForced, madeParent);
    await mkdir(folder.workDir);
    return folder;
  }

  /**
   * Moves finished files to their final path.
   * @param files in the work folder
   * @throws CommandError OUTPUT_EXISTS if another process has created the folder meanwhile; errors of the file system
   */
  async publish(files: readonly Pick<ResultFile, 'name' | 'path'>[]): Promise<void> {
    const complete = join(this.#hidden, 'result');
    await mkdir(complete);
    for (const { name, path } of files) {
      await syncFile(path);
      await rename(path, join(complete, name));
    }
    await refuseExisting(this.#path, this.#path, this.#isForced);
    const old = join(this.#hidden, 'old');
    const hasOld = await exists(this.#path);
    if (hasOld) await rename(this.#path, old);
    try {
      await rename(complete, this.#path);
    } catch (error) {
      if (hasOld) await rename(old, this.#path);
      throw error;
    }
  }

  /** Removes everything that was not published, including parent folders that are empty. */
  async close(): Promise<void> {
    await rm(this.#hidden, { recursive: true, force: true });
    if (this.#madeParent === undefined) return;
    for (
      let parent = dirname(this.#path);
      parent.length >= this.#madeParent.length;
      parent = dirname(parent)
    ) {
      // The folder is not empty, because it contains results.
      if (
        !(await rmdir(parent).then(
          () => true,
          () => false,
        ))
      )
        return;
    }
  }
}

async function refuseExisting(path: string, shown: string, isForced: boolean): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (!found) return;
  const refused = (why: string): CommandError =>
    new CommandError('OUTPUT_EXISTS', `${shown} ${why}`, { out: shown });
  if (!found.isDirectory()) throw refused('exists and is not a folder.');
  if (!isForced) throw refused('already exists; --force replaces it.');
  const others = (await readdir(path)).filter((name) => !OWN_FILES.includes(name));
  if (others.length === 0) return;
  throw refused(`contains ${others.slice(0, 3).join(', ')}: --force replaces only earlier results.`);
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );
