/** The tenant that owns everything if no keys are required. */
export const DEFAULT_TENANT = 'default';

const TENANT_ID = /^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$/;

/** What a tenant may be called. */
export const TENANT_ID_RULE = '1 to 40 lower case letters, digits and hyphens, no hyphen at either end';

export const isTenantId = (value: string): boolean => TENANT_ID.test(value);
