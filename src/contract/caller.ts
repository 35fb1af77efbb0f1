import { type Static, Type } from 'typebox';
import { choice, nullable } from './choice.ts';
import { SCOPES, TenantId } from './key.ts';

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
