import type { UsageRecord } from '../../../src/contract/tenant.ts';
import { get } from '../api/request.ts';
import { accessRefusal, isAskingForKey, key } from '../state/key.ts';
import { connection } from '../state/live.ts';
import { route } from '../state/route.ts';
import { useLoaded } from '../state/use-loaded.ts';
import { SchemeSwitch } from './scheme-switch.tsx';

const PLACES = [
  ['', 'Squeeze'],
  ['adapters', 'Adapters'],
  ['jobs', 'Jobs'],
  ['batches', 'Batches'],
  ['runs', 'Annealing'],
  ['compare', 'Compare'],
  ['settings', 'Settings'],
] as const;

/** The header: name, navigation, and notices that concern the whole page. */
export function SiteHeader() {
  const [here = ''] = route.value.path;
  const needsKey = key.value !== '' || accessRefusal.value !== null;
  return (
    <header class="site-header">
      <a class="brand" href="#/" aria-label="LoRA-Squeeze, start">
        <svg viewBox="0 0 32 32" width="26" height="26" aria-hidden="true">
          <rect width="32" height="32" rx="8" />
          <path d="M7 7v18M25 7v18" opacity=".55" />
          <path d="M13 11v10M19 11v10" />
        </svg>
        LoRA-Squeeze
      </a>
      <nav aria-label="Main">
        {PLACES.map(([path, title]) => (
          <a key={path} href={`#/${path}`} aria-current={path === here ? 'page' : undefined}>
            {title}
          </a>
        ))}
      </nav>
      <div class="site-tools">
        <Activity />
        <a href="/docs">API</a>
        {needsKey && (
          <button
            type="button"
            class="quiet"
            onClick={() => {
              isAskingForKey.value = !isAskingForKey.value;
            }}
          >
            {key.value === '' ? 'Enter API key' : 'Key'}
          </button>
        )}
        <SchemeSwitch />
      </div>
    </header>
  );
}

/** The jobs that run and wait, shown on every page, and a notice while the stream of events is interrupted. */
function Activity() {
  const isLocked = accessRefusal.value !== null;
  const { value } = useLoaded(
    (signal) => (isLocked ? null : get<UsageRecord>('/v1/usage?days=1', signal)),
    [isLocked],
    ['jobs'],
  );
  const { running = 0, queued = 0 } = value?.queue ?? {};
  const isLost = connection.value === 'lost' && !isLocked;
  return (
    <>
      <span role="status">{isLost && <span class="badge badge-partial">Reconnecting…</span>}</span>
      {running + queued > 0 && !isLost && (
        <a class="activity" href="#/jobs?state=active,queued">
          {[running > 0 && `${running} active`, queued > 0 && `${queued} queued`].filter(Boolean).join(', ')}
        </a>
      )}
    </>
  );
}
