import { useState } from 'preact/hooks';
import type { KeyRecord, KeyRequest, NewKey, Scope } from '../../../../src/contract/key.ts';
import { get, type Page, post, remove } from '../../api/request.ts';
import { ConfirmButton } from '../../components/confirm-button.tsx';
import { type FormValues, SelectInput, TextInput, Ticks } from '../../components/form.tsx';
import { FormDialog } from '../../components/form-dialog.tsx';
import { Panel } from '../../components/panel.tsx';
import { ProblemNote } from '../../components/problem-note.tsx';
import { RecordTable } from '../../components/record-table.tsx';
import { SecretNote } from '../../components/secret-note.tsx';
import { StateBadge } from '../../components/state-badge.tsx';
import { caller, hasScope } from '../../state/access.ts';
import { notifyTopics } from '../../state/live.ts';
import { useLoaded } from '../../state/use-loaded.ts';
import { formatMoment } from '../../text/format-time.ts';

const DAY_SECONDS = 86_400;
const LIFETIMES = [
  ['', 'Never'],
  [String(7 * DAY_SECONDS), 'In 7 days'],
  [String(90 * DAY_SECONDS), 'In 90 days'],
  [String(365 * DAY_SECONDS), 'In a year'],
] as const;

const SCOPE_WORDS: Readonly<Record<Scope, string>> = {
  read: 'read: view and download',
  write: 'write: upload, start, change and delete',
  tenant_admin: 'tenant_admin: manage the keys of its tenant',
  admin: 'admin: manage tenants and workers, and all keys',
};

/** The keys that the caller may manage. A new key is shown once; keys can be revoked. */
export function KeysPart() {
  const [made, setMade] = useState<NewKey | null>(null);
  const { value, problem, again } = useLoaded(
    (signal) => get<Page<KeyRecord>>('/v1/keys', signal),
    [],
    ['keys'],
  );
  return (
    <Panel title="Keys" actions={<KeyForm onMade={setMade} />}>
      {made && (
        <SecretNote
          title={`The key ${made.name || made.id}`}
          secret={made.key}
          onDone={() => setMade(null)}
        />
      )}
      <ProblemNote problem={problem} onAgain={again} />
      {value && <KeyRows keys={value.data} />}
    </Panel>
  );
}

function KeyForm({ onMade }: { onMade: (key: NewKey) => void }) {
  const scopes: Scope[] = hasScope('admin')
    ? ['read', 'write', 'tenant_admin', 'admin']
    : ['read', 'write', 'tenant_admin'];
  const create = async (entered: FormValues) => {
    const request: KeyRequest = {
      name: entered.get('name') ?? '',
      scopes: (entered.get('scopes') ?? '').split(' ').filter(Boolean) as Scope[],
      ...(entered.has('tenant') && { tenant: entered.get('tenant')! }),
      ...(entered.has('lifetime') && { expires_in_seconds: Number(entered.get('lifetime')) }),
    };
    onMade(await post<NewKey>('/v1/keys', request));
    notifyTopics('keys');
  };
  return (
    <FormDialog
      scope="tenant_admin"
      opener="New key…"
      class="primary"
      title="New key"
      submit="Create the key"
      onSubmit={create}
    >
      <TextInput label="Name" name="name" placeholder="nightly squeezes" isRequired />
      {hasScope('admin') && (
        <TextInput label="Tenant" name="tenant" value={caller.value?.tenant ?? ''} isRequired />
      )}
      <Ticks
        legend="What it may do"
        name="scopes"
        options={scopes.map((scope) => [scope, SCOPE_WORDS[scope], scope === 'read' || scope === 'write'])}
      />
      <SelectInput label="It expires" name="lifetime" options={LIFETIMES} value={LIFETIMES[2][0]} />
    </FormDialog>
  );
}

function stateOf({ revoked_at: revoked, expires_at: expires }: KeyRecord): string {
  if (revoked !== null) return 'revoked';
  return expires !== null && Date.parse(expires) <= Date.now() ? 'expired' : 'valid';
}

const KeyRows = ({ keys }: { keys: readonly KeyRecord[] }) => (
  <RecordTable
    label="Keys"
    rows={[...keys].sort((a, b) => b.created_at.localeCompare(a.created_at))}
    keyOf={({ id }) => id}
    columns={[
      {
        title: 'Key',
        cell: ({ id, name, tenant }) => (
          <>
            <strong>{name || id}</strong>
            <span class="note line">
              {id}, {tenant}
            </span>
          </>
        ),
      },
      { title: 'Scopes', cell: ({ scopes }) => scopes.join(', ') },
      { title: 'State', cell: (key) => <StateBadge state={stateOf(key)} /> },
      {
        title: 'Expires',
        cell: ({ expires_at: at }) => (at === null ? 'never' : formatMoment(at)),
        isExtra: true,
      },
      {
        title: 'Last used',
        cell: ({ last_used_at: at }) => (at === null ? 'not yet' : formatMoment(at)),
        isExtra: true,
      },
      {
        title: 'Revoke',
        cell: (key) => stateOf(key) === 'valid' && <RevokeButton record={key} />,
      },
    ]}
  />
);

const RevokeButton = ({ record: { id, name } }: { record: KeyRecord }) => (
  <ConfirmButton
    scope="tenant_admin"
    verb="Revoke"
    label={`Revoke ${name || id}`}
    question={`Revoke ${name || id}?`}
    onConfirm={async () => {
      await remove(`/v1/keys/${id}`);
      notifyTopics('keys');
    }}
  >
    <p>
      {id === caller.value?.key_id
        ? 'This page uses this key and will ask for another one.'
        : 'Programs that use it are refused from then on.'}
    </p>
  </ConfirmButton>
);
