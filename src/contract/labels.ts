import { type Static, Type } from 'typebox';
import { nullable } from './choice.ts';

/** What users call their things by: names of Kubernetes' labels and MLflow's tags are among them. */
const NAME = '[A-Za-z0-9](?:[A-Za-z0-9._/-]{0,126}[A-Za-z0-9])?';
export const LABEL_NAME = `^${NAME}$`;
export const LABEL_NAME_RULE =
  'a name has up to 128 letters of ASCII, digits, dots, slashes, hyphens and underscores, and begins and ends with a letter ' +
  'or digit';
export const MAX_LABELS = 16;
/** A label to look for: name and text with a colon between. */
export const LABEL_FILTER = `^${NAME}:[\\s\\S]{0,128}$`;

export const Labels = Type.Record(Type.String({ pattern: LABEL_NAME }), Type.String({ maxLength: 128 }), {
  $id: 'Labels',
  maxProperties: MAX_LABELS,
  additionalProperties: false,
  description:
    `Up to 16 names with texts, to find things by: ${LABEL_NAME_RULE}; upper and lower case differ. A text has up to 128 ` +
    'characters.',
  examples: [
    { team: 'search', env: 'prod' },
    { 'mlflow.runId': '8f3c', 'app.kubernetes.io/name': 'chat' },
  ],
});
export type Labels = Static<typeof Labels>;

/** What a record is called. */
export const RecordName = Type.String({
  $id: 'RecordName',
  minLength: 1,
  maxLength: 200,
  pattern: '^[^\\u0000-\\u001f\\u007f]+$',
  description: 'Up to 200 characters, none of them a control character. Names need not be unique.',
  examples: ['support-chat-v3'],
});

/** What may be changed of what has a name and labels, at any time. */
export const namedPatch = {
  name: Type.Optional(nullable(RecordName, { description: 'null: it has none from then on' })),
  labels: Type.Optional(Labels),
};
export const PATCH_RULES = {
  additionalProperties: false,
  minProperties: 1,
  description: 'What is left out stays as it is. Labels take the place of all those before.',
} as const;

/** After how long something is removed by itself. */
export const TtlSeconds = Type.Integer({
  $id: 'TtlSeconds',
  minimum: 60,
  maximum: 3_153_600_000,
  description: 'Removed by the service so many seconds after it was made (a job: after it ended)',
});

/** When something is removed by itself. */
export const ExpiresAt = nullable(Type.String({ format: 'date-time' }), {
  description: 'Removed by the service some time after this; null: kept',
});
