import { isAskingForKey, key, refused } from '../state/key.ts';
import { route } from '../state/route.ts';
import { SchemeSwitch } from './scheme-switch.tsx';

const PLACES = [
  ['', 'Squeeze'],
  ['adapters', 'Adapters'],
  ['jobs', 'Jobs'],
  ['compare', 'Compare'],
  ['runs', 'Annealing'],
] as const;

/** Name, places, and what holds for the whole page. */
export function SiteHeader() {
  const [here = ''] = route.value.path;
  const needsKey = key.value !== '' || refused.value !== null;
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
        <a href="/docs">API</a>
        {needsKey && (
          <button
            type="button"
            class="quiet"
            onClick={() => {
              isAskingForKey.value = !isAskingForKey.value;
            }}
          >
            {key.value === '' ? 'Enter key' : 'Key'}
          </button>
        )}
        <SchemeSwitch />
      </div>
    </header>
  );
}
