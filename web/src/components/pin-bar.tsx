import { useEffect, useState } from 'preact/hooks';
import { formatRanks } from '../../../src/charts/format.ts';

export interface PinBarProps {
  /** The indices of the selected modules. */
  readonly selected: ReadonlySet<number>;
  readonly onSelected: (selected: ReadonlySet<number>) => void;
  /** The number of pinned modules, in all and among the selected ones. */
  readonly pinned: { readonly all: number; readonly selected: number };
  /** The ranks that a module may be pinned to, ascending. */
  readonly choices: readonly number[];
  /** The ranks of the selected modules in the source; null if no module is selected. */
  readonly own: { readonly min: number; readonly max: number } | null;
  /** The current rank of the first selected module. */
  readonly rank: number;
  /** The reason why modules cannot be pinned; null if they can. */
  readonly refusal: string | null;
  readonly onPin: (rank: number) => void;
  /** Pins the selected modules to their ranks in the source, so that the squeeze leaves them as they are. */
  readonly onKeep: () => void;
  readonly onUnpin: () => void;
  readonly onUnpinAll: () => void;
  /** Adds to the selection the modules in the row or the layer of the cursor. */
  readonly onRow: () => void;
  readonly onLayer: () => void;
  readonly hasLayers: boolean;
}

/** The actions on the selected modules. */
export function PinBar(props: PinBarProps) {
  const { selected, onSelected, pinned, choices, own, rank, refusal, hasLayers } = props;
  const [wanted, setWanted] = useState(rank);
  // After the selection changes, the input starts from the rank of the new selection.
  useEffect(() => setWanted(rank), [selected]);
  const isNone = selected.size === 0;
  return (
    <div class="pin-bar">
      <p class="row spread">
        <strong role="status">
          {isNone ? 'No module is selected' : `${counted(selected.size)} selected`}
          {pinned.all > 0 && `, ${pinned.all.toLocaleString('en')} pinned`}
        </strong>
        {pinned.all > 0 && (
          <button type="button" class="link" onClick={props.onUnpinAll}>
            Unpin all
          </button>
        )}
      </p>
      {refusal !== null && <p class="note">{refusal} No module can be pinned.</p>}
      <div class="row">
        <select
          class="pin-rank"
          aria-label="Rank to pin to"
          value={wanted}
          onChange={({ currentTarget }) => setWanted(Number(currentTarget.value))}
        >
          {choices.map((one) => (
            <option key={one} value={one}>
              rank {one}
            </option>
          ))}
        </select>
        <button type="button" disabled={isNone || refusal !== null} onClick={() => props.onPin(wanted)}>
          {`Pin to rank ${wanted}`}
        </button>
        <button
          type="button"
          disabled={isNone || refusal !== null || own!.max > choices.at(-1)!}
          onClick={props.onKeep}
        >
          {selected.size > 1 ? 'Leave as they are' : 'Leave as it is'}
          {own && ` (${formatRanks(own)})`}
        </button>
        <button type="button" disabled={pinned.selected === 0} onClick={props.onUnpin}>
          Unpin
        </button>
      </div>
      <div class="row">
        <button type="button" class="quiet" onClick={props.onRow}>
          Select this row
        </button>
        {hasLayers && (
          <button type="button" class="quiet" onClick={props.onLayer}>
            Select this layer
          </button>
        )}
        <button type="button" class="quiet" disabled={isNone} onClick={() => onSelected(new Set())}>
          Select none
        </button>
      </div>
    </div>
  );
}

const counted = (count: number): string =>
  `${count.toLocaleString('en')} ${count === 1 ? 'module' : 'modules'}`;
