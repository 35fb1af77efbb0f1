import { type Static, Type } from 'typebox';
import { choice, nullable } from './choice.ts';
import { JobPriority } from './job-request.ts';
import { listOf } from './page.ts';
import { TenantId } from './tenant-id.ts';

/** What a key may do. */
export const SCOPES = ['read', 'write', 'tenant_admin', 'admin'] as const;
export type Scope = (typeof SCOPES)[number];

const Scopes = Type.Array(choice(SCOPES), {
  minItems: 1,
  maxItems: SCOPES.length,
  uniqueItems: true,
  description:
    '`read`: read and download; `write`: upload, submit, change, delete; `tenant_admin`: manage keys of its ' +
    'own tenant; `admin`: manage tenants, workers and keys of all tenants, and call for another tenant with ' +
    '`tenant=`',
});

const NullableTime = nullable(Type.String({ format: 'date-time' }));

/** A key as any caller may see it, without the key itself, of which only a digest is stored. */
export const KeyRecord = Type.Object(
  {
    id: Type.String({ description: 'The public part of the key', examples: ['key_5f0c2a9b7e31'] }),
    tenant: TenantId,
    name: Type.String({ description: 'What the key is used for' }),
    scopes: Scopes,
    max_priority: Type.Optional(JobPriority),
    created_at: Type.String({ format: 'date-time' }),
    expires_at: NullableTime,
    revoked_at: NullableTime,
    last_used_at: {
      ...NullableTime,
      description: 'When the key was last used, rounded to the hour; null if no use has been recorded',
    } as typeof NullableTime,
  },
  { $id: 'Key', additionalProperties: false },
);
export type KeyRecord = Static<typeof KeyRecord>;

export const KeyRequest = Type.Object(
  {
    tenant: Type.Optional(TenantId),
    name: Type.Optional(
      Type.String({
        maxLength: 100,
        pattern: '^[^\\u0000-\\u001f\\u007f]*$',
        default: '',
        description: 'The name; it cannot contain control characters',
      }),
    ),
    scopes: Type.Optional({ ...Scopes, default: ['read', 'write'] }),
    max_priority: Type.Optional(JobPriority),
    expires_in_seconds: Type.Optional(
      Type.Integer({
        minimum: 60,
        maximum: 3_153_600_000,
        description: 'Seconds until the key expires; absent: it does not expire',
      }),
    ),
  },
  { $id: 'KeyRequest', additionalProperties: false },
);
export type KeyRequest = Static<typeof KeyRequest>;

/** The only answer that contains the key. */
export const NewKey = Type.Object(
  {
    ...KeyRecord.properties,
    key: Type.String({ description: 'The key. It is shown only once.' }),
  },
  { $id: 'NewKey', additionalProperties: false },
);
export type NewKey = Static<typeof NewKey>;

export const KeyList = listOf('KeyList', KeyRecord);

/** The identity of the caller, as the service determined it. */
export const CallerRecord = Type.Object(
  {
    authentication: choice(['open', 'keys'], {
      description:
        '`open`: no caller needs a key, and keys and tenants cannot be managed over REST; `keys`: every caller needs one',
    }),
    tenant: TenantId,
    key_id: nullable(Type.String(), {
      description: 'Id of the key, or `jwt:` and the subject of the token; null where no key is needed',
    }),
    scopes: Type.Array(choice(SCOPES), {
      description: 'Scopes of the caller',
    }),
  },
  { $id: 'Caller', additionalProperties: false, description: 'The caller, as the service knows it' },
);
export type CallerRecord = Static<typeof CallerRecord>;
