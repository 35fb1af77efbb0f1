/** The tenant that owns everything if the service does not require keys. */
export const DEFAULT_TENANT = 'default';

const TENANT_ID = /^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$/;

/** The rule for ids of tenants, as text. */
export const TENANT_ID_RULE = '1 to 40 lower-case letters, digits and hyphens, no hyphen at either end';

export const isTenantId = (value: string): boolean => TENANT_ID.test(value);
