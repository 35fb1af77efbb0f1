import { type Static, Type } from 'typebox';
import { nullable } from './choice.ts';
import { listOf } from './page.ts';

export const Artifact = Type.Object(
  {
    path: Type.String({ description: 'Its place among the artifacts of the job; may have slashes' }),
    bytes: nullable(Type.Integer({ minimum: 0 }), {
      description: 'null: it is drawn when it is asked for',
    }),
    sha256: nullable(Type.String(), { description: 'Of the file, hex; null: as `bytes`' }),
    media_type: Type.String(),
    href: Type.String({ description: 'Where it is downloaded' }),
  },
  { $id: 'Artifact', additionalProperties: false, description: 'A file that a job made' },
);
export type Artifact = Static<typeof Artifact>;

export const JobArtifactList = listOf('JobArtifactList', Artifact);
export type JobArtifactList = Static<typeof JobArtifactList>;
