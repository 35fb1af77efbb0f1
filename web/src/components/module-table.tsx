import { useMemo, useState } from 'preact/hooks';
import { percent } from '../../../src/charts/words.ts';
import { ModuleName } from './module-name.tsx';
import { Panel } from './panel.tsx';
import { StateBadge } from './state-badge.tsx';
import { type Column, VirtualTable } from './virtual-table.tsx';

/** A module with what is known of it on this page. */
export interface ModuleRow {
  readonly name: string;
  /** What stands for the name beside other panels, if not the name itself, and on a narrow page. */
  readonly short?: string;
  readonly brief: string;
  readonly shape: readonly [number, number];
  readonly rank: number;
  /** Share of the energy of the whole adapter. */
  readonly share?: number;
  readonly effectiveRank?: number;
  readonly verdict?: string;
  /** The rank it gets or got, and what that loses. */
  readonly newRank?: number;
  readonly error?: number;
  readonly optimalError?: number | null;
}

interface ModuleTableProps {
  readonly rows: readonly ModuleRow[];
  readonly note?: string;
  readonly selected?: string | undefined;
  readonly onSelect?: (name: string) => void;
}

/** All modules: sorted, searched, and one of them picked to look at. */
export function ModuleTable({ rows, note, selected, onSelect }: ModuleTableProps) {
  const [search, setSearch] = useState('');
  const found = useMemo(() => {
    const wanted = search.trim().toLowerCase();
    return wanted === ''
      ? rows
      : rows.filter(({ name, verdict }) => name.toLowerCase().includes(wanted) || verdict === wanted);
  }, [rows, search]);
  const columns = useMemo(() => columnsOf(rows, onSelect), [rows, onSelect]);
  return (
    <Panel
      title="Modules"
      class="modules"
      note={note}
      actions={
        <input
          type="search"
          placeholder={rows[0]?.verdict === undefined ? 'Search names' : 'Search names or verdicts'}
          aria-label="Search modules"
          value={search}
          onInput={({ currentTarget }) => setSearch(currentTarget.value)}
        />
      }
    >
      <VirtualTable
        label="Table of the modules"
        rows={found}
        columns={columns}
        keyOf={({ name }) => name}
        isSelected={({ name }) => name === selected}
      />
      <p class="note" role="status">
        {found.length.toLocaleString('en')} of {rows.length.toLocaleString('en')} modules
      </p>
    </Panel>
  );
}

function columnsOf(
  rows: readonly ModuleRow[],
  onSelect: ((name: string) => void) | undefined,
): Column<ModuleRow>[] {
  const has = (field: keyof ModuleRow): boolean => rows[0]?.[field] !== undefined;
  const most = rows.reduce((largest, { share = 0 }) => Math.max(largest, share), 0) || 1;
  const all: (Column<ModuleRow> | false)[] = [
    {
      title: 'Module',
      by: ({ name }) => name,
      cell: ({ name, short, brief }) => (
        <ModuleName name={name} short={short} brief={brief} onSelect={onSelect} />
      ),
    },
    {
      title: 'Shape',
      isRare: true,
      by: ({ shape: [m, n] }) => m * n,
      cell: ({ shape: [m, n] }) => `${m} × ${n}`,
      width: '7.5rem',
      isNumber: true,
      isExtra: true,
    },
    {
      title: 'Rank',
      by: ({ rank }) => rank,
      cell: ({ rank }) => rank,
      width: '4.5rem',
      isNumber: true,
      isExtra: has('newRank'),
    },
    has('share') && {
      title: 'Energy',
      by: ({ share = 0 }) => share,
      cell: ({ share = 0 }) => <Share share={share} most={most} />,
      width: '7rem',
      isNumber: true,
      isExtra: true,
    },
    has('effectiveRank') && {
      title: 'Used',
      isRare: true,
      by: ({ effectiveRank = 0 }) => effectiveRank,
      cell: ({ effectiveRank = 0 }) => effectiveRank.toFixed(1),
      width: '4.5rem',
      isNumber: true,
      isExtra: true,
    },
    has('newRank') && {
      title: 'New',
      by: ({ newRank = 0 }) => newRank,
      cell: ({ newRank }) => newRank,
      width: '4.5rem',
      isNumber: true,
    },
    has('error') && {
      title: 'Error',
      by: ({ error = 0 }) => error,
      cell: ({ error = 0 }) => percent(error),
      width: '5.5rem',
      isNumber: true,
    },
    has('optimalError') && {
      title: 'Least',
      by: ({ optimalError }) => optimalError ?? -1,
      cell: ({ optimalError }) => (optimalError == null ? '–' : percent(optimalError)),
      width: '5.5rem',
      isNumber: true,
      isExtra: true,
    },
    has('verdict') && {
      title: 'Verdict',
      by: ({ verdict = '' }) => verdict,
      cell: ({ verdict = '' }) => <StateBadge state={verdict} />,
      width: '9rem',
      isExtra: true,
    },
  ];
  return all.filter((column) => column !== false);
}

const Share = ({ share, most }: { share: number; most: number }) => (
  <span class="share">
    <span class="share-bar" aria-hidden="true">
      <span style={{ width: `${(100 * share) / most}%` }} />
    </span>
    {percent(share)}
  </span>
);
