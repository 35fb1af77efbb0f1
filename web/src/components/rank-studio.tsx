import { useCallback, useMemo, useState } from 'preact/hooks';
import { heatMapHeight } from '../../../src/charts/layer-heat-map.ts';
import { moduleGrid } from '../../../src/charts/module-grid.ts';
import type { ServingProfile } from '../../../src/contract/serving.ts';
import type { Conversions } from '../preview/format-options.ts';
import { type AnalyzedAdapter, errorAt } from '../preview/preview.ts';
import type { TargetForm } from '../preview/target-form.ts';
import { useChoice } from '../state/use-choice.ts';
import { type PlaceInTable, placesInTable } from './module-name.tsx';
import { type ModuleRow, ModuleTable } from './module-table.tsx';
import type { PinBarProps } from './pin-bar.tsx';
import { RankMap } from './rank-map.tsx';
import { SizeCurve } from './size-curve.tsx';
import { SpectraPanel } from './spectra-panel.tsx';
import { SqueezePanel } from './squeeze-panel.tsx';
import { useCurveLines } from './use-curve-lines.ts';

/** The largest height of the spectra next to a tall map. */
const MAX_SPECTRA_PX = 480;

export interface RankStudioProps {
  readonly adapterId: string;
  readonly analyzed: AnalyzedAdapter;
  readonly profiles: readonly ServingProfile[];
  readonly conversions: Conversions;
}

/**
 * The studio of an analysed adapter: the loss at every size, the rank of each module, and the choice
 * between them.
 */
export function RankStudio({ adapterId, analyzed, profiles, conversions }: RankStudioProps) {
  const { modules, analysis } = analyzed;
  const { curve, uniform } = analysis;
  const choice = useChoice(analyzed, profiles);
  const { form, choices, pins, ranks, preview, refusal, onChange } = choice;
  const [selected, setSelected] = useState<ReadonlySet<number>>(() => new Set());
  const [picked, setPicked] = useState<number>();
  /** The choice before the last change of pins. */
  const [before, setBefore] = useState<Pick<TargetForm, 'policy' | 'parameters' | 'pins'> | null>(null);
  const cursor = picked ?? 0;
  const lines = useCurveLines(choice, analyzed);
  const places = useMemo(() => placesInTable(modules), [modules]);
  const grid = useMemo(() => moduleGrid(modules.map(({ name }) => name)), [modules]);
  const rows = useMemo(() => rowsOf(analyzed, places, ranks, pins), [analyzed, places, ranks, pins]);
  const onPick = useCallback((row: ModuleRow) => setPicked(row.index), []);
  const onToggle = useCallback(({ index }: ModuleRow) => {
    setPicked(index);
    setSelected((before) => {
      const next = new Set(before);
      if (!next.delete(index)) next.add(index);
      return next;
    });
  }, []);

  /** Pins or unpins the selected modules, and shares out the present size again over those without a pin. */
  function pin(rankOf: (index: number) => number | undefined): void {
    const next = new Map(form.policy === 'modules' ? pins : []);
    for (const index of selected) {
      const rank = rankOf(index);
      if (rank === undefined) next.delete(index);
      else next.set(index, rank);
    }
    const parameters = form.policy === 'modules' ? form.parameters : (preview?.parameters ?? form.parameters);
    setBefore({ policy: form.policy, parameters: form.parameters, pins: new Map(pins) });
    onChange({ policy: 'modules', parameters, pins: next });
  }
  function undo(): void {
    if (before) onChange(before);
    setBefore(null);
  }
  const [first] = selected;
  /** Whether a profile is offered: its server loads the format, or is chosen already. */
  const isOffered = (one: ServingProfile): boolean =>
    one.name === form.profile || one.formats.some((format) => format === (form.format || conversions.own));
  return (
    <div class="workbench">
      <SizeCurve
        {...lines}
        recommended={uniform.rank.max - 1}
        criterion={form.criterion}
        refusal={refusal}
        onCriterion={(criterion) => onChange({ criterion })}
      />
      <SqueezePanel
        adapterId={adapterId}
        choice={choice}
        byModule={lines.byModule}
        onUndo={before && undo}
        profiles={profiles.filter(isOffered)}
        conversions={conversions}
        recommended={{ rank: uniform.rank.max, reason: uniform.reason }}
        source={{ bytes: curve.at(-1)!.bytes, rank: curve.length }}
      />
      <RankMap
        rows={rows}
        grid={grid}
        cursor={cursor}
        onCursor={setPicked}
        selected={selected}
        onSelected={setSelected}
        pinned={{ all: pins.size, selected: [...selected].filter((index) => pins.has(index)).length }}
        choices={choices}
        own={rankRangeOf([...selected].map((index) => modules[index]!.rank))}
        rank={first === undefined ? uniform.rank.max : (ranks?.[first] ?? modules[first]!.rank)}
        refusal={refusal}
        onPin={(rank) => pin((index) => Math.min(rank, modules[index]!.rank))}
        onKeep={() => pin((index) => modules[index]!.rank)}
        onUnpin={() => pin(() => undefined)}
        onUnpinAll={() => onChange({ pins: new Map() })}
      />
      <SpectraPanel
        modules={modules}
        picked={picked === undefined ? undefined : modules[picked]!.name}
        rank={picked === undefined ? preview?.rank.max : ranks?.[picked]}
        height={Math.min(MAX_SPECTRA_PX, heatMapHeight(grid))}
      />
      <ModuleTable
        rows={rows}
        note={
          <>
            {/* Shown with its column. */}
            <span class="rare extra">Used: how many directions the update really uses. </span>
            Rank: before and after. Error: the least possible at the new rank. ●: pinned.
          </>
        }
        picked={picked}
        selected={selected}
        onPick={onPick}
        onToggle={onToggle}
      />
    </div>
  );
}

const rankRangeOf = (ranks: readonly number[]): PinBarProps['own'] =>
  ranks.length === 0 ? null : { min: Math.min(...ranks), max: Math.max(...ranks) };

function rowsOf(
  { modules, analysis }: AnalyzedAdapter,
  places: readonly PlaceInTable[],
  ranks: readonly number[] | null,
  pins: ReadonlyMap<number, number>,
): ModuleRow[] {
  const energy = modules.reduce((sum, module) => sum + module.energy, 0) || 1;
  return modules.map((module, index) => ({
    ...places[index]!,
    index,
    name: module.name,
    shape: module.shape,
    rank: module.rank,
    share: module.energy / energy,
    effectiveRank: analysis.modules[index]!.effective_rank,
    ...(ranks && { newRank: ranks[index]!, error: errorAt(module, ranks[index]!) }),
    isPinned: pins.has(index),
    verdict: analysis.modules[index]!.verdict,
  }));
}
