import { useState } from 'preact/hooks';
import { FORMAT_NAMES } from '../../../src/adapter/format-name.ts';
import type { AdapterRecord } from '../../../src/contract/adapter.ts';
import { AdapterCards } from '../components/adapter-cards.tsx';
import { BaseModelFilter, LabelFilter, NameFilter, SelectFilter, whyEmpty } from '../components/filters.tsx';
import { ImportForm } from '../components/import-form.tsx';
import { PagesOf } from '../components/pages-of.tsx';
import { Panel } from '../components/panel.tsx';
import { SelectionBar } from '../components/selection-bar.tsx';
import { UploadButton } from '../components/upload-button.tsx';
import { hasScope } from '../state/access.ts';
import type { Query } from '../state/route.ts';

const FORMATS = FORMAT_NAMES.map((name) => [name, name] as const);

/** No event reports the uploads of other clients, so the list is read again at this interval. */
const READ_AGAIN_MS = 15_000;

/** All adapters, newest first. */
export function AdaptersPage({ query: { import: from, ...query } }: { query: Query }) {
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const select = (id: string, isSelected: boolean) => {
    const next = new Set(selected);
    if (isSelected) next.add(id);
    else next.delete(id);
    setSelected(next);
  };
  return (
    <div class="stack">
      <h1>Adapters</h1>
      <Panel
        title="Newest first"
        actions={
          <span class="row">
            {hasScope('write') && (
              <UploadButton picks="files" class="primary">
                Upload…
              </UploadButton>
            )}
            <ImportForm from={from} />
          </span>
        }
      >
        <div class="filters">
          <NameFilter query={query} />
          <BaseModelFilter query={query} />
          <SelectFilter label="Format" name="format" query={query} options={FORMATS} />
          <LabelFilter query={query} />
        </div>
        <PagesOf<AdapterRecord>
          path="/v1/adapters"
          query={query}
          topic="adapters"
          everyMs={READ_AGAIN_MS}
          empty={whyEmpty('adapter', query)}
        >
          {(adapters) => (
            <>
              {hasScope('write') && (
                <SelectionBar adapters={adapters.filter(({ id }) => selected.has(id))} onIds={setSelected} />
              )}
              <AdapterCards adapters={adapters} {...(hasScope('write') && { selected, onSelect: select })} />
            </>
          )}
        </PagesOf>
      </Panel>
    </div>
  );
}
