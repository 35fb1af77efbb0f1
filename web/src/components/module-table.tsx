import type { ComponentChildren } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import { formatPercent } from '../../../src/charts/format.ts';
import { ModuleName, type PlaceInTable } from './module-name.tsx';
import { Panel } from './panel.tsx';
import { StateBadge } from './state-badge.tsx';
import { type Column, VirtualTable } from './virtual-table.tsx';

/** Labels of layers longer than this wrap onto two lines. */
const MAX_LAYER_CH = 14;

/** A module with everything that this page knows about it. */
export interface ModuleRow extends PlaceInTable {
  /** The index of the module in its adapter. */
  readonly index: number;
  readonly name: string;
  readonly shape: readonly [number, number];
  readonly rank: number;
  /** The module's share of the energy of the whole adapter. */
  readonly share?: number;
  readonly effectiveRank?: number;
  readonly verdict?: string;
  /** The planned or reached rank of the module, and the loss at that rank. */
  readonly newRank?: number;
  readonly error?: number;
  /** Whether the module is pinned. */
  readonly isPinned?: boolean;
  readonly optimalError?: number | null;
}

interface ModuleTableProps {
  readonly rows: readonly ModuleRow[];
  readonly note?: ComponentChildren;
  /** The index of the module whose details are shown. */
  readonly picked?: number | undefined;
  readonly onPick?: (row: ModuleRow) => void;
  /** The indices of the modules to which the next action applies. */
  readonly selected?: ReadonlySet<number>;
  readonly onToggle?: (row: ModuleRow) => void;
}

/** A table of all modules, which can be sorted and searched. One module can be picked to show its details. */
export function ModuleTable({ rows, note, picked, onPick, selected, onToggle }: ModuleTableProps) {
  const [search, setSearch] = useState('');
  const found = useMemo(() => {
    const wanted = search.trim().toLowerCase();
    return wanted === ''
      ? rows
      : rows.filter(({ name, verdict }) => name.toLowerCase().includes(wanted) || verdict === wanted);
  }, [rows, search]);
  const columns = useMemo(
    () => [...selectColumn(selected, onToggle), ...columnsOf(rows, onPick)],
    [rows, onPick, selected, onToggle],
  );
  return (
    <Panel
      title="Modules"
      class="modules"
      note={note}
      actions={
        <input
          type="search"
          placeholder={hasVerdicts(rows) ? 'Search names or verdicts' : 'Search names'}
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
        isSelected={({ index }) => index === picked}
      />
      <p class="note" role="status">
        {found.length.toLocaleString('en')} of {rows.length.toLocaleString('en')} modules
      </p>
    </Panel>
  );
}

/** Whether there is a column for verdicts: if all are the same, it would say nothing. */
const hasVerdicts = (rows: readonly ModuleRow[]): boolean =>
  new Set(rows.map(({ verdict }) => verdict)).size > 1;

/** A checkbox in front of each row; absent where rows cannot be selected. */
const selectColumn = (
  selected: ReadonlySet<number> | undefined,
  onToggle: ((row: ModuleRow) => void) | undefined,
): Column<ModuleRow>[] =>
  selected && onToggle
    ? [
        {
          title: 'Select',
          isTitleHidden: true,
          width: 'clamp(1.9rem, 5vw, 2.6rem)',
          cell: (row) => (
            <input
              type="checkbox"
              aria-label={`Select ${row.name}`}
              checked={selected.has(row.index)}
              onChange={() => onToggle(row)}
            />
          ),
        },
      ]
    : [];

function columnsOf(
  rows: readonly ModuleRow[],
  onPick: ((row: ModuleRow) => void) | undefined,
): Column<ModuleRow>[] {
  const has = (field: keyof ModuleRow): boolean => rows[0]?.[field] !== undefined;
  const maximum = rows.reduce((largest, { share = 0 }) => Math.max(largest, share), 0) || 1;
  const longest = rows.reduce((length, { layerLabel }) => Math.max(length, layerLabel.length), 5);
  const all: (Column<ModuleRow> | false)[] = [
    rows.some(({ layer }) => layer !== '') && {
      title: 'Layer',
      by: ({ name }) => name,
      cell: ({ layer, layerLabel }) => (
        <span class="layer-label" title={layer}>
          {layerLabel}
        </span>
      ),
      width: `calc(${Math.min(MAX_LAYER_CH, longest)}ch + 2.6rem)`,
      isExtra: true,
    },
    {
      title: 'Module',
      by: ({ projection, name }) => `${projection} ${name}`,
      cell: (row) => (
        <ModuleName
          name={row.name}
          layer={row.layerLabel}
          shown={row.projection}
          onPick={onPick && (() => onPick(row))}
        />
      ),
    },
    {
      title: 'Shape',
      isLowestPriority: true,
      by: ({ shape: [m, n] }) => m * n,
      cell: ({ shape: [m, n] }) => `${m} × ${n}`,
      width: '8.75rem',
      isNumber: true,
      isExtra: true,
    },
    {
      title: 'Rank',
      by: ({ rank, newRank = rank }) => newRank,
      cell: (row) => <RankChange {...row} />,
      width: 'clamp(4.2rem, 8vw, 5.5rem)',
      isNumber: true,
    },
    has('share') && {
      title: 'Energy',
      by: ({ share = 0 }) => share,
      cell: ({ share = 0 }) => <Share share={share} maximum={maximum} />,
      width: '6.5rem',
      isNumber: true,
      isExtra: true,
      isLowPriority: true,
    },
    has('effectiveRank') && {
      title: 'Used',
      isLowPriority: true,
      by: ({ effectiveRank = 0 }) => effectiveRank,
      cell: ({ effectiveRank = 0 }) => effectiveRank.toFixed(1),
      width: '5rem',
      isNumber: true,
      isExtra: true,
    },
    has('error') && {
      title: 'Error',
      by: ({ error = 0 }) => error,
      cell: ({ error = 0 }) => formatPercent(error),
      width: 'clamp(4.2rem, 8vw, 5.5rem)',
      isNumber: true,
    },
    has('optimalError') && {
      title: 'Least',
      by: ({ optimalError }) => optimalError ?? -1,
      cell: ({ optimalError }) => (optimalError == null ? '–' : formatPercent(optimalError)),
      width: '5.5rem',
      isNumber: true,
      isExtra: true,
    },
    hasVerdicts(rows) && {
      title: 'Verdict',
      by: ({ verdict = '' }) => verdict,
      cell: ({ verdict = '' }) => <StateBadge state={verdict} />,
      width: '9rem',
      isExtra: true,
    },
  ];
  return all.filter((column) => column !== false);
}

/** The rank before and after; a dot marks a pinned module. */
const RankChange = ({ rank, newRank = rank, isPinned }: ModuleRow) => (
  <span class={isPinned ? 'is-pinned' : ''} title={isPinned ? 'pinned' : undefined}>
    {newRank === rank ? rank : `${rank} → ${newRank}`}
  </span>
);

const Share = ({ share, maximum }: { share: number; maximum: number }) => (
  <span class="share">
    <span class="share-bar" aria-hidden="true">
      <span style={{ width: `${(100 * share) / maximum}%` }} />
    </span>
    {formatPercent(share)}
  </span>
);
