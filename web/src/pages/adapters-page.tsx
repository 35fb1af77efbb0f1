import { FORMAT_NAMES } from '../../../src/adapter/format-name.ts';
import type { AdapterRecord } from '../../../src/contract/adapter.ts';
import { AdapterCards } from '../components/adapter-cards.tsx';
import { SelectField } from '../components/field.tsx';
import { PagesOf } from '../components/pages-of.tsx';
import { Panel } from '../components/panel.tsx';
import { TextFilter } from '../components/text-filter.tsx';
import { setQuery } from '../state/route.ts';

/** All adapters, newest first. */
export function AdaptersPage({ query }: { query: Readonly<Record<string, string>> }) {
  const change = (part: Record<string, string>) => setQuery({ ...query, ...part });
  return (
    <div class="stack">
      <h1>Adapters</h1>
      <Panel title="Uploaded ones and results">
        <div class="filters">
          <SelectField
            label="Format"
            value={query.format ?? ''}
            options={[['', 'Any'], ...FORMAT_NAMES.map((name): [string, string] => [name, name])]}
            onValue={(format) => change({ format })}
          />
          <TextFilter
            label="Name begins with"
            value={query.name ?? ''}
            onValue={(name) => change({ name })}
          />
          <TextFilter
            label="Base model, as it is named"
            value={query.base_model ?? ''}
            onValue={(base_model) => change({ base_model })}
          />
          <TextFilter
            label="Label, as name:text"
            value={query.label ?? ''}
            onValue={(label) => change({ label })}
          />
        </div>
        <PagesOf<AdapterRecord> path="/v1/adapters" query={query} empty="No adapter matches these filters.">
          {(adapters) => <AdapterCards adapters={adapters} />}
        </PagesOf>
      </Panel>
    </div>
  );
}
