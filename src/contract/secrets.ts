import { type Static, Type } from 'typebox';
import { nullable } from './choice.ts';

const KeyId = Type.String({
  pattern: '^[0-9a-f]{8}$',
  description: 'Identifies a key without revealing it',
  examples: ['5f0c2a9b'],
});

/** The result of encrypting secrets again with a new key. */
export const KeyRotation = Type.Object(
  {
    key: {
      ...KeyId,
      description: 'The key with which secrets are encrypted now: the first of `SECRETS_KEYS`',
    },
    reencrypted: Type.Integer({
      minimum: 0,
      description: 'Number of records whose secrets were encrypted again with `key`',
    }),
    next: nullable(Type.String(), {
      description:
        'Where to continue if time ran out: repeat the request with this value as `after`. null: all ' +
        'secrets have been read',
    }),
    droppable_keys: Type.Array(KeyId, {
      description:
        'The other keys of `SECRETS_KEYS`, which can be removed because no secret is encrypted with them any longer; empty unless `next` is null',
    }),
    unreadable: Type.Array(
      Type.Object({ key: KeyId, secrets: Type.Integer({ minimum: 1 }) }, { additionalProperties: false }),
      {
        description:
          'Number of secrets that none of the keys decrypts, by the key with which they were encrypted; they are left unchanged',
      },
    ),
  },
  { $id: 'KeyRotation', additionalProperties: false },
);
export type KeyRotation = Static<typeof KeyRotation>;
