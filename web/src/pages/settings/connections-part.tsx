import { useState } from 'preact/hooks';
import type { ConnectionRecord } from '../../../../src/contract/connection.ts';
import { get, type Page, post, remove } from '../../api/request.ts';
import { ConfirmButton } from '../../components/confirm-button.tsx';
import { SelectField } from '../../components/field.tsx';
import { type FormValues, TextInput } from '../../components/form.tsx';
import { FormDialog } from '../../components/form-dialog.tsx';
import { Panel } from '../../components/panel.tsx';
import { ProblemNote } from '../../components/problem-note.tsx';
import { RecordTable } from '../../components/record-table.tsx';
import { notifyTopics } from '../../state/live.ts';
import { useLoaded } from '../../state/use-loaded.ts';

type Kind = ConnectionRecord['kind'];

const KIND_WORDS: Readonly<Record<Kind, string>> = {
  s3: 'Bucket of S3, or of a compatible store',
  hub: 'Hugging Face Hub',
  url: 'Server, by https',
};
const EXAMPLES: Readonly<Record<Kind, string>> = {
  s3: 's3://models/in',
  hub: 'hf://owner/repository',
  url: 'https://models.example.com/adapters',
};

/** Connections to the places from which adapters are fetched and to which they are delivered. */
export function ConnectionsPart() {
  const { value, problem, again } = useLoaded(
    (signal) => get<Page<ConnectionRecord>>('/v1/connections?limit=200', signal),
    [],
    ['connections'],
  );
  return (
    <Panel
      title="Connections"
      note="A connection has the credentials for a bucket, the Hub or a server. Imports and deliveries below its prefixes use it."
      actions={<ConnectionForm />}
    >
      <ProblemNote problem={problem} onAgain={again} />
      {value && value.data.length === 0 && <p class="note">There is no connection yet.</p>}
      {value && value.data.length > 0 && <ConnectionRows connections={value.data} />}
    </Panel>
  );
}

function ConnectionForm() {
  const [kind, setKind] = useState<Kind>('s3');
  const create = async (entered: FormValues) => {
    const [id, secret, token] = ['access_key_id', 'secret_access_key', 'token'].map((name) =>
      entered.get(name),
    );
    const header = entered.get('authorization');
    const credentials =
      kind === 's3'
        ? id && { access_key_id: id, secret_access_key: secret }
        : kind === 'hub'
          ? token && { token }
          : header && { headers: { Authorization: header } };
    await post('/v1/connections', {
      kind,
      name: entered.get('name'),
      description: entered.get('description') ?? '',
      prefixes: entered.get('prefixes')!.split(/[\s,]+/),
      ...(credentials && { credentials }),
      ...(entered.has('endpoint') && { endpoint: entered.get('endpoint') }),
      ...(entered.has('region') && { region: entered.get('region') }),
    });
    notifyTopics('connections');
  };
  return (
    <FormDialog
      scope="write"
      opener="New connection…"
      class="primary"
      title="New connection"
      submit="Create the connection"
      onSubmit={create}
    >
      <SelectField
        label="Leads to"
        value={kind}
        options={Object.entries(KIND_WORDS) as [Kind, string][]}
        onValue={setKind}
      />
      <TextInput label="Name" name="name" placeholder="models-out" isRequired />
      <TextInput label="Description" name="description" />
      <TextInput
        label="Prefixes"
        name="prefixes"
        placeholder={EXAMPLES[kind]}
        isRequired
        note="One or several, separated by spaces."
      />
      {kind === 's3' && (
        <>
          <TextInput label="Access key ID" name="access_key_id" />
          <TextInput label="Secret access key" name="secret_access_key" type="password" />
          <TextInput label="Region" name="region" placeholder="us-east-1" />
        </>
      )}
      {kind === 'hub' && (
        <TextInput
          label="Access token"
          name="token"
          type="password"
          placeholder="hf_…"
          note="Without one, public repositories only."
        />
      )}
      {kind === 'url' && (
        <TextInput label="Authorization header" name="authorization" type="password" placeholder="Bearer …" />
      )}
      {kind !== 'url' && (
        <TextInput
          label="Endpoint"
          name="endpoint"
          type="url"
          placeholder={kind === 's3' ? 'that of AWS' : 'that of the Hub'}
        />
      )}
    </FormDialog>
  );
}

const ConnectionRows = ({ connections }: { connections: readonly ConnectionRecord[] }) => (
  <RecordTable
    label="Connections"
    rows={connections}
    keyOf={({ id }) => id}
    columns={[
      {
        title: 'Connection',
        cell: ({ name, description, kind }) => (
          <>
            <strong>{name}</strong>
            <span class="note line">{description || KIND_WORDS[kind]}</span>
          </>
        ),
      },
      { title: 'Prefixes', cell: ({ prefixes }) => prefixes.join(', ') },
      {
        title: 'Credentials',
        cell: ({ has_credentials: has, ambient }) => (ambient ? 'of the service' : has ? 'its own' : 'none'),
        isExtra: true,
      },
      {
        title: 'Delete',
        cell: ({ name }) => (
          <ConfirmButton
            scope="write"
            verb="Delete"
            label={`Delete ${name}`}
            question={`Delete the connection ${name}?`}
            onConfirm={async () => {
              await remove(`/v1/connections/${name}`);
              notifyTopics('connections');
            }}
          >
            <p>Waiting jobs that use the connection fail.</p>
          </ConfirmButton>
        ),
      },
    ]}
  />
);
