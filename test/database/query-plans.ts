import {
  type Kysely,
  type KyselyPlugin,
  PostgresQueryCompiler,
  RawNode,
  type RootOperationNode,
  SqliteQueryCompiler,
} from 'kysely';
import type { Database } from '../../src/database/database.ts';
import type { Tables } from '../../src/database/tables.ts';

/** The same database, and every query sent to it. */
export function watched(database: Database): { database: Database; queries: RootOperationNode[] } {
  const queries: RootOperationNode[] = [];
  const plugin: KyselyPlugin = {
    transformQuery: ({ node }) => {
      queries.push(node);
      return node;
    },
    transformResult: async ({ result }) => result,
  };
  const reader = (database.reader as Kysely<Tables>).withPlugin(plugin);
  const write: Database['write'] = (work) =>
    database.write((writer) => work(writer.withPlugin(plugin) as typeof writer));
  return { database: { ...database, reader, write }, queries };
}

export function sqlOf({ dialect }: Database, node: RootOperationNode): string {
  const compiler = dialect === 'sqlite' ? new SqliteQueryCompiler() : new PostgresQueryCompiler();
  return compiler.compileQuery(node, { queryId: 'text' }).sql;
}

/** SQLite's plan for a query, step by step. */
export async function planOf({ reader }: Database, node: RootOperationNode): Promise<string[]> {
  const query = new SqliteQueryCompiler().compileQuery(node, { queryId: 'plan' });
  const explained = { ...query, sql: `explain query plan ${query.sql}`, query: RawNode.createWithSql('') };
  const { rows } = await (reader as Kysely<Tables>).executeQuery<{ detail: string }>(explained);
  return rows.map(({ detail }) => detail);
}
