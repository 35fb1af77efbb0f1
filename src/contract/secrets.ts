import { type Static, Type } from 'typebox';
import { nullable } from './choice.ts';

const KeyId = Type.String({
  pattern: '^[0-9a-f]{8}$',
  description: 'Identifies a key without revealing it',
  examples: ['5f0c2a9b'],
});

/** The result of sealing secrets with a new key. */
export const KeyRotation = Type.Object(
  {
    key: { ...KeyId, description: 'The key that seals, the first of `SECRETS_KEYS`' },
    resealed: Type.Integer({ minimum: 0, description: 'Records whose secrets were sealed again with `key`' }),
    next: nullable(Type.String(), {
      description: 'Where to continue, if time ran out: repeat the request with this as `after`',
    }),
    droppable_keys: Type.Array(KeyId, {
      description:
        'If `next` is null, the other keys of `SECRETS_KEYS`, with which no secret is sealed any longer',
    }),
    unreadable: Type.Array(
      Type.Object({ key: KeyId, secrets: Type.Integer({ minimum: 1 }) }, { additionalProperties: false }),
      {
        description:
          'Secrets that none of the keys opens, by the key with which they were sealed; they are left unchanged',
      },
    ),
  },
  { $id: 'KeyRotation', additionalProperties: false },
);
export type KeyRotation = Static<typeof KeyRotation>;
