import { formatBytes } from '../../../../src/charts/format.ts';
import type { TenantRequest, TenantSummary, UsageRecord } from '../../../../src/contract/tenant.ts';
import { get, post, put, remove } from '../../api/request.ts';
import { ActionButton } from '../../components/action-button.tsx';
import { Bar } from '../../components/bar.tsx';
import { ConfirmButton } from '../../components/confirm-button.tsx';
import { type FormValues, SelectInput, TextInput } from '../../components/form.tsx';
import { FormDialog } from '../../components/form-dialog.tsx';
import { PagesOf } from '../../components/pages-of.tsx';
import { Panel } from '../../components/panel.tsx';
import { ProblemNote } from '../../components/problem-note.tsx';
import { RecordTable } from '../../components/record-table.tsx';
import { StateBadge } from '../../components/state-badge.tsx';
import { hasKeys } from '../../state/access.ts';
import { notifyTopics } from '../../state/live.ts';
import { navigatorFromHere } from '../../state/route.ts';
import { useLoaded } from '../../state/use-loaded.ts';
import type { PartProps } from './settings-page.tsx';
import { UsagePanels } from './usage-part.tsx';

type Tenant = TenantSummary;
const READ_AGAIN_MS = 5_000;
const NO_QUERY = {};

/** All tenants, for an administrator, with their shares, limits and queues; or one tenant with its usage. */
export function TenantsPart({ id }: PartProps) {
  return id === undefined ? <AllTenants /> : <OneTenant id={id} />;
}

const AllTenants = () => (
  <Panel
    title="Tenants"
    note="While several tenants have jobs waiting, each gets the workers in proportion to its weight."
    actions={hasKeys() && <TenantForm opener="New tenant…" title="New tenant" />}
  >
    <PagesOf<Tenant>
      path="/v1/tenants"
      query={NO_QUERY}
      topic="tenants"
      everyMs={READ_AGAIN_MS}
      empty="There is no tenant yet."
    >
      {(tenants) => <TenantRows tenants={tenants} />}
    </PagesOf>
  </Panel>
);

function TenantRows({ tenants }: { tenants: readonly Tenant[] }) {
  // The list has own weights only; the usage of any tenant without one tells the default of the service.
  const unset = tenants.find(({ weight }) => weight === undefined)?.id;
  const { value: other } = useLoaded(
    (signal) => (unset === undefined ? null : get<WholeTenant>(`/v1/tenants/${unset}`, signal)),
    [unset],
  );
  const weightOf = ({ weight = other?.usage.limits.weight ?? 0 }: Tenant) => weight;
  const active = tenants.filter(({ state }) => state === 'active');
  const weights = active.reduce((sum, tenant) => sum + weightOf(tenant), 0) || 1;
  return (
    <RecordTable
      label="Tenants"
      rows={tenants}
      keyOf={({ id }) => id}
      columns={[
        { title: 'Tenant', cell: ({ id }) => <a href={`#/settings/tenants/${id}`}>{id}</a> },
        { title: 'State', cell: ({ state }) => <StateBadge state={state} /> },
        { title: 'Active', cell: ({ running }) => running.toLocaleString('en'), isNumber: true },
        { title: 'Queued', cell: ({ queued }) => queued.toLocaleString('en'), isNumber: true },
        {
          title: 'Share',
          cell: (tenant) => {
            const share = tenant.state === 'active' ? weightOf(tenant) / weights : 0;
            return (
              <>
                <Bar share={share} label={`Share of ${tenant.id}`} />
                <span class="note line">weight {weightOf(tenant) || '…'}</span>
              </>
            );
          },
          isExtra: true,
        },
        {
          title: 'Storage',
          cell: (tenant) => formatBytes(tenant.stored_bytes),
          isNumber: true,
          isExtra: true,
        },
      ]}
    />
  );
}

type WholeTenant = Tenant & { readonly usage: UsageRecord };

function OneTenant({ id }: { id: string }) {
  const { value, problem, again } = useLoaded(
    (signal) => get<WholeTenant>(`/v1/tenants/${id}`, signal),
    [id],
    ['tenants'],
  );
  if (problem) return <ProblemNote problem={problem} onAgain={again} />;
  if (!value) return <p class="note">Loading…</p>;
  return (
    <>
      <Panel title={id} actions={<StateBadge state={value.state} />}>
        <Actions tenant={value} />
      </Panel>
      <UsagePanels usage={value.usage} tenant={id} />
    </>
  );
}

function Actions({ tenant }: { tenant: Tenant }) {
  const { id, state } = tenant;
  if (!hasKeys()) return <p class="note">Tenants can be changed only where callers need keys (AUTH=keys).</p>;
  const act = (what: string) => async () => {
    await post(`/v1/tenants/${id}/${what}`);
    notifyTopics('tenants');
  };
  const drop = async () => {
    const go = navigatorFromHere();
    await remove(`/v1/tenants/${id}`);
    notifyTopics('tenants');
    go('/settings/tenants');
  };
  return (
    <div class="row">
      <TenantForm opener="Change limits…" title={`Limits of ${id}`} tenant={tenant} />
      {state === 'suspended' ? (
        <ActionButton scope="admin" onAct={act('resume')}>
          Resume
        </ActionButton>
      ) : (
        <ConfirmButton scope="admin" verb="Suspend" question={`Suspend ${id}?`} onConfirm={act('suspend')}>
          <p>
            Its queued jobs do not start, and it cannot submit others. It can still read, download, cancel and
            delete, and its active jobs continue.
          </p>
        </ConfirmButton>
      )}
      <ConfirmButton
        scope="admin"
        verb="Cancel its jobs"
        question={`Cancel every unfinished job of ${id}?`}
        onConfirm={act('cancel')}
      >
        <p>Batches are cancelled too. Jobs that the tenant submits meanwhile are not: suspend it first.</p>
      </ConfirmButton>
      <ConfirmButton
        scope="admin"
        verb="Delete"
        question={`Delete ${id} with everything it has stored?`}
        onConfirm={drop}
      >
        <p>
          Its keys stop working at once; its adapters, jobs, batches and runs are deleted. This cannot be
          undone.
        </p>
      </ConfirmButton>
    </div>
  );
}

interface TenantFormProps {
  readonly opener: string;
  readonly title: string;
  /** If absent, the form creates a tenant. */
  readonly tenant?: Tenant;
}

const QUOTAS = [
  ['stored_bytes', 'Bytes in storage at most'],
  ['max_queued', 'Queued jobs at most'],
  ['max_running', 'Active jobs at most'],
  ['requests_per_minute', 'Requests a minute at most'],
] as const;

function TenantForm({ opener, title, tenant }: TenantFormProps) {
  const save = async (entered: FormValues) => {
    const priority = entered.get('max_priority');
    const quotas = QUOTAS.flatMap(([name]) =>
      entered.has(name) ? [[name, Number(entered.get(name))] as const] : [],
    );
    const request = {
      ...(entered.has('weight') && { weight: Number(entered.get('weight')) }),
      ...(priority !== undefined && { max_priority: priority as NonNullable<TenantRequest['max_priority']> }),
      quotas: Object.fromEntries(quotas),
    } satisfies TenantRequest;
    await put(`/v1/tenants/${tenant?.id ?? entered.get('id')}`, request);
    notifyTopics('tenants');
  };
  return (
    <FormDialog scope="admin" opener={opener} title={title} submit="Save" onSubmit={save}>
      {!tenant && (
        <TextInput
          label="ID"
          name="id"
          placeholder="team-a"
          isRequired
          pattern="[a-z0-9]([a-z0-9\-]{0,38}[a-z0-9])?"
          note="Lower-case letters, digits and hyphens."
        />
      )}
      <TextInput
        label="Weight"
        name="weight"
        type="number"
        min={1}
        max={1000}
        value={String(tenant?.weight ?? '')}
        placeholder="the default of the service"
      />
      <SelectInput
        label="Highest priority of its jobs"
        name="max_priority"
        value={tenant?.max_priority ?? ''}
        options={[
          ['', 'The default of the service'],
          ['high', 'high'],
          ['normal', 'normal'],
          ['low', 'low'],
        ]}
      />
      {QUOTAS.map(([name, label]) => (
        <TextInput
          key={name}
          label={label}
          name={name}
          type="number"
          min={0}
          value={String(tenant?.quotas[name] ?? '')}
          placeholder="the default of the service"
        />
      ))}
    </FormDialog>
  );
}
