import { sql } from 'kysely';
import { FIRST_RELEASE } from './first-release.ts';
import type { ColumnTypes, Migration } from './migration.ts';

/** In the order in which they are made. Nothing was released yet: until then the first one is changed in place. */
export const MIGRATIONS: readonly Migration[] = [
  {
    name: '0001-first-release',
    async up(writer, types) {
      for (const statement of statementsOf(FIRST_RELEASE, types)) await sql.raw(statement).execute(writer);
      await writer
        .insertInto('tenant')
        .values({ id: 'default', quotas: '{}', created_at: Date.now() })
        .execute();
      await writer.insertInto('hold').values({ owner: '', expires_at: 0 }).execute();
    },
  },
];

/** Statements with the types of a dialect. */
const statementsOf = (text: string, { text: textType, integer, bytes }: ColumnTypes): string[] =>
  text
    .replace(/\bTEXT\b/g, textType)
    .replace(/\bINTEGER\b/g, integer)
    .replace(/\bBYTES\b/g, bytes)
    .split(';')
    .map((statement) => statement.trim())
    .filter(Boolean);
