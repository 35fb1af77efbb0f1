import { Type } from 'typebox';

/** The tenant that owns everything if the service does not require keys. */
export const DEFAULT_TENANT = 'default';

/** Ids of tenants are part of names in the storage, hence the narrow pattern. */
const PATTERN = /^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$/;

/** The rule for ids of tenants, as text. */
export const TENANT_ID_RULE = '1 to 40 lower-case letters, digits and hyphens, no hyphen at either end';

export const isTenantId = (value: string): boolean => PATTERN.test(value);

export const TenantId = Type.String({
  pattern: PATTERN.source,
  description: TENANT_ID_RULE,
  examples: ['team-a'],
});
