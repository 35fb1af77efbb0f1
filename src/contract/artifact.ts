import { type Static, Type } from 'typebox';
import { nullable } from './choice.ts';
import { listOf } from './page.ts';

export const Artifact = Type.Object(
  {
    path: Type.String({ description: 'Path among the artifacts of the job; may contain slashes' }),
    bytes: nullable(Type.Integer({ minimum: 0 }), {
      description: 'null: the file is rendered on request',
    }),
    sha256: nullable(Type.String(), { description: 'SHA-256 of the file, hex; null as for `bytes`' }),
    media_type: Type.String(),
    href: Type.String({ description: 'URL path of the download' }),
  },
  { $id: 'Artifact', additionalProperties: false, description: 'A file that a job produced' },
);
export type Artifact = Static<typeof Artifact>;

export const JobArtifactList = listOf('JobArtifactList', Artifact);
export type JobArtifactList = Static<typeof JobArtifactList>;
