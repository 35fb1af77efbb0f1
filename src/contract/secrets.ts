import { type Static, Type } from 'typebox';
import { nullable } from './choice.ts';

const KeyId = Type.String({
  pattern: '^[0-9a-f]{8}$',
  description: 'Tells a key apart from others, and nothing else about it',
  examples: ['5f0c2a9b'],
});

/** What became of sealed secrets. */
export const KeyRotation = Type.Object(
  {
    key: { ...KeyId, description: 'The key that seals: the first of `SECRETS_KEYS`' },
    resealed: Type.Integer({ minimum: 0, description: 'Records whose secrets were sealed again with it' }),
    next: nullable(Type.String(), {
      description: 'There was no time for all of them: the same request goes on with this as its `after`',
    }),
    droppable_keys: Type.Array(KeyId, {
      description:
        'Other keys of `SECRETS_KEYS`, when there is no `next`: nothing is sealed with them any more',
    }),
    unreadable: Type.Array(
      Type.Object({ key: KeyId, secrets: Type.Integer({ minimum: 1 }) }, { additionalProperties: false }),
      {
        description:
          'Secrets that none of the keys opens, by the key that they were sealed with; they stay as they are',
      },
    ),
  },
  { $id: 'KeyRotation', additionalProperties: false },
);
export type KeyRotation = Static<typeof KeyRotation>;
