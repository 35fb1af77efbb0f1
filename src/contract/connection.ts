import { type Static, type TProperties, Type } from 'typebox';
import { choice, nullable, oneOf } from './choice.ts';
import { ConnectionName } from './connection-name.ts';
import { listOf, PageQuery } from './page.ts';
import { Token } from './place-fields.ts';
import { S3Credentials } from './transfer.ts';

const CONNECTION_KINDS = ['s3', 'hub', 'url'] as const;
export type ConnectionKind = (typeof CONNECTION_KINDS)[number];

const MAX_PREFIXES = 32;
const closed = { additionalProperties: false };

const Prefixes = Type.Array(Type.String({ minLength: 6, maxLength: 1000 }), {
  minItems: 1,
  maxItems: MAX_PREFIXES,
  uniqueItems: true,
  description:
    'What the connection covers: `s3://bucket` or `s3://bucket/folder`; `hf://owner`, `hf://owner/repo` ' +
    'or a folder of a repository; `https://host` or `https://host/folder`. Each covers everything below ' +
    'it: `s3://models/in` covers `s3://models/in/x` but not `s3://models/index`',
  examples: [['s3://models/in', 's3://models/out']],
});
const Description = Type.String({
  maxLength: 200,
  pattern: '^[^\\u0000-\\u001f\\u007f]*$',
  description: 'What the connection is for',
});
const Region = Type.String({
  pattern: '^[a-z0-9-]+$',
  maxLength: 64,
  description: 's3 only: the region of the buckets. Default: us-east-1',
});
const Endpoint = Type.String({
  pattern: '^https?://[!-\\[\\]-~]+$',
  maxLength: 512,
  description:
    's3: URL of a store other than AWS. hub: URL of a mirror. Default: AWS, or the Hub of the service',
});
const PathStyle = Type.Boolean({
  description:
    's3 only: whether the bucket is part of the path of URLs instead of the host name. Default: true if ' +
    'there is an endpoint',
});
const Ambient = Type.Boolean({
  description:
    'Whether the service uses its own identity: for s3, the credentials that the AWS SDK finds ' +
    '(environment, instance or pod role); for hub, HF_TOKEN. Requires the scope `admin`',
});
const AllowedHosts = Type.Array(
  Type.String({ pattern: '^[A-Za-z0-9.:_\\[\\]-]+$', maxLength: 260, description: '`host` or `host:port`' }),
  {
    maxItems: 16,
    uniqueItems: true,
    description:
      'Hosts that this connection may reach although they are not public. Requires the scope `admin`',
    examples: [['minio.internal:9000']],
  },
);
const Headers = Type.Record(
  Type.String({ pattern: '^[A-Za-z0-9-]{1,64}$' }),
  Type.String({ pattern: '^[ -~]*$', maxLength: 8192 }),
  {
    ...closed,
    minProperties: 1,
    maxProperties: 16,
    description: 'Headers that are sent with every request, such as Authorization',
  },
);

export const HubCredentials = Type.Object(
  { token: Token },
  { $id: 'HubCredentials', ...closed, description: 'Never shown again' },
);
export type HubCredentials = Static<typeof HubCredentials>;
export const UrlCredentials = Type.Object(
  { headers: Headers },
  { $id: 'UrlCredentials', ...closed, description: 'Never shown again' },
);
export type UrlCredentials = Static<typeof UrlCredentials>;

/** A connection as any caller may see it, without its credentials. */
export const ConnectionRecord = Type.Object(
  {
    id: Type.String({ examples: ['conn_019ac7e0f3a24f9a1c0e8b7d6a5f4e3d'] }),
    name: ConnectionName,
    kind: choice(CONNECTION_KINDS),
    description: Description,
    prefixes: Prefixes,
    region: nullable(Region),
    endpoint: nullable(Endpoint),
    path_style: nullable(PathStyle),
    ambient: Ambient,
    has_credentials: Type.Boolean({
      description: 'Whether the connection has credentials of its own, which are never shown',
    }),
    allowed_hosts: AllowedHosts,
    created_at: Type.String({ format: 'date-time' }),
    updated_at: Type.String({ format: 'date-time' }),
  },
  { $id: 'Connection', ...closed },
);
export type ConnectionRecord = Static<typeof ConnectionRecord>;

const requested = <K extends ConnectionKind, T extends TProperties>(
  kind: K,
  own: T,
  options: { readonly $id: string; readonly description: string },
) =>
  Type.Object(
    {
      kind: Type.Literal(kind),
      name: ConnectionName,
      description: Type.Optional({ ...Description, default: '' }),
      prefixes: Prefixes,
      allowed_hosts: Type.Optional({ ...AllowedHosts, default: [] }),
      ...own,
    },
    { ...options, ...closed },
  );

export const ConnectionRequest = oneOf(
  'kind',
  [
    requested(
      's3',
      {
        region: Type.Optional(Region),
        endpoint: Type.Optional(Endpoint),
        path_style: Type.Optional(PathStyle),
        credentials: Type.Optional(S3Credentials),
        ambient: Type.Optional({ ...Ambient, default: false }),
      },
      {
        $id: 'S3ConnectionRequest',
        description: 'Buckets of S3 or of a compatible store; needs either `credentials` or `ambient`',
      },
    ),
    requested(
      'hub',
      {
        endpoint: Type.Optional(Endpoint),
        credentials: Type.Optional(HubCredentials),
        ambient: Type.Optional({ ...Ambient, default: false }),
      },
      {
        $id: 'HubConnectionRequest',
        description:
          'Repositories on the Hugging Face Hub or on a mirror; without credentials, only public ones',
      },
    ),
    requested(
      'url',
      { credentials: Type.Optional(UrlCredentials) },
      { $id: 'UrlConnectionRequest', description: 'Files of a server, read by GET and written by PUT' },
    ),
  ],
  { $id: 'ConnectionRequest' },
);
export type ConnectionRequest = Static<typeof ConnectionRequest>;

export const ConnectionChange = Type.Object(
  {
    description: Type.Optional(Description),
    prefixes: Type.Optional(Prefixes),
    region: Type.Optional(Region),
    endpoint: Type.Optional(nullable(Endpoint)),
    path_style: Type.Optional(PathStyle),
    credentials: Type.Optional(Type.Union([S3Credentials, HubCredentials, UrlCredentials])),
    ambient: Type.Optional(Ambient),
    allowed_hosts: Type.Optional(AllowedHosts),
  },
  {
    $id: 'ConnectionChange',
    ...closed,
    minProperties: 1,
    description:
      'Absent fields stay unchanged. A change that would send the credentials to new places must ' +
      'include them again',
  },
);
export type ConnectionChange = Static<typeof ConnectionChange>;

export const ConnectionListQuery = Type.Object(
  { kind: Type.Optional(choice(CONNECTION_KINDS)), ...PageQuery.properties },
  { additionalProperties: false },
);

export const ConnectionList = listOf('ConnectionList', ConnectionRecord);
