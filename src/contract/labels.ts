import { type Static, Type } from 'typebox';
import { nullable } from './choice.ts';

/** Names of labels. All names of Kubernetes labels and MLflow tags are allowed. */
const NAME = '[A-Za-z0-9](?:[A-Za-z0-9._/-]{0,126}[A-Za-z0-9])?';
export const LABEL_NAME = `^${NAME}$`;
export const LABEL_NAME_RULE =
  'a name has up to 128 ASCII letters, digits, dots, slashes, hyphens and underscores, and begins and ends with a letter ' +
  'or digit';
export const MAX_LABELS = 16;
/** A label to search for: name and value, separated by a colon. */
export const LABEL_FILTER = `^${NAME}:[\\s\\S]{0,128}$`;

export const Labels = Type.Record(Type.String({ pattern: LABEL_NAME }), Type.String({ maxLength: 128 }), {
  $id: 'Labels',
  maxProperties: MAX_LABELS,
  additionalProperties: false,
  description:
    `Up to 16 labels, each a name and a value, by which records can be found: ${LABEL_NAME_RULE}; names are case-sensitive. ` +
    'A value has up to 128 characters.',
  examples: [
    { team: 'search', env: 'prod' },
    { 'mlflow.runId': '8f3c', 'app.kubernetes.io/name': 'chat' },
  ],
});
export type Labels = Static<typeof Labels>;

/** The name of a record. */
export const RecordName = Type.String({
  $id: 'RecordName',
  minLength: 1,
  maxLength: 200,
  pattern: '^[^\\u0000-\\u001f\\u007f]+$',
  description: 'Up to 200 characters without control characters. Names need not be unique.',
  examples: ['support-chat-v3'],
});

/** The fields of a record with a name and labels that a PATCH may change at any time. */
export const namedPatch = {
  name: Type.Optional(nullable(RecordName, { description: 'null removes the name' })),
  labels: Type.Optional(Labels),
};
export const PATCH_RULES = {
  additionalProperties: false,
  minProperties: 1,
  description: 'Absent fields stay unchanged. `labels` replaces all labels.',
} as const;

/** Time after which a record is removed. */
export const TtlSeconds = Type.Integer({
  $id: 'TtlSeconds',
  minimum: 60,
  maximum: 3_153_600_000,
  description:
    'Seconds from the creation of the record (for a job, from its end) until the service removes it',
});

/** When the record will be removed. */
export const ExpiresAt = nullable(Type.String({ format: 'date-time' }), {
  description: 'When the record expires; a later sweep removes it. null: the record is kept',
});
