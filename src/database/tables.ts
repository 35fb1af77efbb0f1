/**
 * The columns of every table. Times are milliseconds since 1970; JSON is text; ids and names are compared by their bytes.
 * What is absent is null.
 */
export interface Tables {
  schema_migration: SchemaMigrationTable;
  tenant: TenantTable;
  api_key: ApiKeyTable;
}

/** What was done to the tables. */
export interface SchemaMigrationTable {
  name: string;
  applied_at: number;
}

export interface TenantTable {
  id: string;
  /** JSON of Quotas. */
  quotas: string;
  created_at: number;
}

export interface ApiKeyTable {
  id: string;
  tenant: string;
  name: string;
  /** JSON, an array. */
  scopes: string;
  /** SHA-256 of the key, hex. */
  sha256: string;
  created_at: number;
  expires_at: number | null;
  revoked_at: number | null;
  last_used_at: number | null;
}
