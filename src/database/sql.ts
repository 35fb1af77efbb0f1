import type { RawBuilder, SqlBool } from 'kysely';

/** For what the builder has no words for. Whatever is put into it is bound as a value, unless it is SQL itself. */
export { sql } from 'kysely';

export type Fragment = RawBuilder<unknown>;
/** Something that rows have to be. */
export type Condition = RawBuilder<SqlBool>;
