import type { FunctionComponent } from 'preact';
import { caller, hasKeys, hasScope } from '../../state/access.ts';
import type { Query } from '../../state/route.ts';
import { ConnectionsPart } from './connections-part.tsx';
import { KeysPart } from './keys-part.tsx';
import { TenantsPart } from './tenants-part.tsx';
import { UsagePart } from './usage-part.tsx';
import { WebhooksPart } from './webhooks-part.tsx';
import { WorkersPart } from './workers-part.tsx';

export interface PartProps {
  /** The id of a record, which follows the part in the address. */
  readonly id: string | undefined;
  readonly query: Query;
}

interface Part {
  readonly path: string;
  readonly title: string;
  readonly isShown: () => boolean;
  readonly View: FunctionComponent<PartProps>;
}

const always = () => true;
const PARTS: readonly Part[] = [
  { path: 'usage', title: 'Usage', isShown: always, View: UsagePart },
  { path: 'webhooks', title: 'Webhooks', isShown: always, View: WebhooksPart },
  { path: 'connections', title: 'Connections', isShown: always, View: ConnectionsPart },
  { path: 'keys', title: 'Keys', isShown: () => hasKeys() && hasScope('tenant_admin'), View: KeysPart },
  { path: 'tenants', title: 'Tenants', isShown: () => hasScope('admin'), View: TenantsPart },
  { path: 'workers', title: 'Workers', isShown: () => hasScope('admin'), View: WorkersPart },
];

/** The settings, one part at a time: `#/settings/keys`. */
export function SettingsPage({ path, query }: { path: readonly string[]; query: Query }) {
  const [here = 'usage', id] = path;
  const shown = PARTS.filter(({ isShown }) => isShown());
  const part = PARTS.find((one) => one.path === here);
  return (
    <div class="stack">
      <h1>Settings</h1>
      <nav class="tabs" aria-label="Settings">
        {shown.map(({ path: one, title }) => (
          <a key={one} href={`#/settings/${one}`} aria-current={one === here ? 'page' : undefined}>
            {title}
          </a>
        ))}
      </nav>
      {part && (caller.value === null || part.isShown()) ? (
        <part.View id={id} query={query} />
      ) : (
        <p>
          {part ? `Your key gives no access to ${part.title.toLowerCase()}.` : 'There is no such setting.'}
        </p>
      )}
    </div>
  );
}
