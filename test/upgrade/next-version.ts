import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '../..');
export const NEXT_VERSION = '0.99.0';
export const NEXT_MIGRATION = '9999-next-version';

/** What a release may do to the tables: add a column, and a table. */
const MIGRATION = `
  {
    name: '${NEXT_MIGRATION}',
    async up(writer) {
      await sql.raw('alter table adapter add column of_next_version text').execute(writer);
      await sql.raw('create table of_next_version (id text primary key)').execute(writer);
    },
  },
];`;

/**
 * Builds the version after this one: this source with another version number and one more migration.
 * @returns a folder that contains dist/main.js
 */
export function buildNextVersion(folder: string): string {
  mkdirSync(folder, { recursive: true });
  for (const path of ['src', 'package.json', 'openapi.yaml', 'tsconfig.json', 'vite.config.ts'])
    cpSync(join(ROOT, path), join(folder, path), { recursive: true });
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  change(folder, 'package.json', /"version": "[^"]+"/, `"version": "${NEXT_VERSION}"`);
  change(folder, 'src/database/migration.ts', /\n\];/, MIGRATION);
  execFileSync(join(ROOT, 'node_modules/.bin/vite'), ['build'], { cwd: folder, stdio: 'pipe' });
  return folder;
}

function change(folder: string, path: string, from: RegExp, to: string): void {
  const text = readFileSync(join(folder, path), 'utf8');
  const changed = text.replace(from, to);
  if (changed === text) throw new Error(`${path} has no ${from}`);
  writeFileSync(join(folder, path), changed);
}
