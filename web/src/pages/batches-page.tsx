import type { BatchRecord } from '../../../src/contract/batch.ts';
import { BatchProgress } from '../components/batch-progress.tsx';
import { LabelFilter, NameFilter, SelectFilter, whyEmpty } from '../components/filters.tsx';
import { PagesOf } from '../components/pages-of.tsx';
import { Panel } from '../components/panel.tsx';
import { RecordTable } from '../components/record-table.tsx';
import { StateBadge } from '../components/state-badge.tsx';
import { hasScope } from '../state/access.ts';
import type { Query } from '../state/route.ts';
import { formatMoment } from '../text/format-time.ts';

const STATES = [
  ['active', 'Active'],
  ['succeeded', 'Succeeded'],
  ['partial', 'Partial'],
  ['failed', 'Failed'],
  ['cancelled', 'Cancelled'],
] as const;

/** All batches, newest first. */
export const BatchesPage = ({ query }: { query: Query }) => (
  <div class="stack">
    <h1>Batches</h1>
    <Panel
      title="Newest first"
      actions={
        hasScope('write') && (
          <a class="button primary" href="#/batches/new">
            New batch…
          </a>
        )
      }
      note={
        <>
          A batch applies the same targets to many adapters: those that you select in the{' '}
          <a href="#/adapters">list of adapters</a>, or up to 10,000 that the service fetches.
        </>
      }
    >
      <div class="filters">
        <SelectFilter label="State" name="state" query={query} options={STATES} />
        <NameFilter query={query} />
        <LabelFilter query={query} />
      </div>
      <PagesOf<BatchRecord> path="/v1/batches" query={query} topic="batches" empty={whyEmpty('batch', query)}>
        {(batches) => (
          <RecordTable
            label="Batches"
            rows={batches}
            keyOf={({ id }) => id}
            columns={[
              {
                title: 'Batch',
                cell: ({ id, name, progress }) => (
                  <a href={`#/batches/${id}`}>
                    {name ??
                      `${progress.total.toLocaleString('en')} ${progress.total === 1 ? 'item' : 'items'}`}
                  </a>
                ),
              },
              { title: 'State', cell: ({ state }) => <StateBadge state={state} /> },
              { title: 'Items', cell: (batch) => <BatchProgress batch={batch} /> },
              { title: 'Created', cell: (batch) => formatMoment(batch.created_at), isExtra: true },
            ]}
          />
        )}
      </PagesOf>
    </Panel>
  </div>
);
