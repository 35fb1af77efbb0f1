import { formatBytes } from '../../../src/charts/format.ts';
import type { AdapterRecord } from '../../../src/contract/adapter.ts';
import { rankRange } from '../text/describe-target.ts';
import { distinctNames, endOfId } from '../text/distinct-names.ts';
import { formatMoment } from '../text/format-time.ts';

interface AdapterCardsProps {
  readonly adapters: readonly AdapterRecord[];
  /** The ids of the selected adapters; if absent, the cards cannot be selected. */
  readonly selected?: ReadonlySet<string>;
  readonly onSelect?: (id: string, isSelected: boolean) => void;
}

/** Adapters as a list of cards, each of which links to the adapter's page. */
export function AdapterCards({ adapters, selected, onSelect }: AdapterCardsProps) {
  const names = distinctNames(adapters);
  return (
    <ul class="cards">
      {adapters.map(
        ({ id, name, base_model: base, modules, ranks, bytes, format, job_id, labels, created_at }) => (
          <li key={id} class={selected && 'can-be-selected'}>
            {selected && (
              <input
                type="checkbox"
                aria-label={`Select ${names.get(id)}`}
                checked={selected.has(id)}
                onChange={({ currentTarget }) => onSelect?.(id, currentTarget.checked)}
              />
            )}
            <a href={`#/adapters/${id}`}>
              <strong class="ellipsis">{name}</strong>
              <span class="ellipsis">{base ?? 'No base model in its files'}</span>
              <span>
                rank {rankRange(ranks)} · {modules.toLocaleString('en')}{' '}
                {modules === 1 ? 'module' : 'modules'} · {formatBytes(bytes)} · {format}
                {names.get(id) !== name && ` · ${endOfId(id)}`}
              </span>
              <span class="note">
                {job_id === null ? 'Uploaded' : 'Result of a job'}, {formatMoment(created_at)}
              </span>
              {Object.keys(labels).length > 0 && (
                <span class="note ellipsis">
                  {Object.entries(labels)
                    .map(([label, text]) => `${label}:${text}`)
                    .join(' ')}
                </span>
              )}
            </a>
          </li>
        ),
      )}
    </ul>
  );
}
