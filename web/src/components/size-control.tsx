import { useId } from 'preact/hooks';
import { formatBytes } from '../../../src/charts/format.ts';
import type { Choice } from '../state/use-choice.ts';
import { type CurveLine, describePoint } from './size-curve.tsx';

interface SizeControlProps {
  readonly line: CurveLine;
  readonly pinned: number;
  readonly onUnpinAll: () => void;
  readonly unreached: Choice['unreached'];
  /** Takes the last change of pins back; null if there is none. */
  readonly onUndo: (() => void) | null;
}

/** The size that is shared out as ranks by module, on the same slider as the handle on the curve. */
export function SizeControl({ line, pinned, onUnpinAll, unreached, onUndo }: SizeControlProps) {
  const { points, at, place, onAt } = line;
  const id = useId();
  return (
    <div class="rank-control">
      <div class="row spread">
        <label for={id}>Size of the factors</label>
        <strong>{formatBytes(place.bytes)}</strong>
      </div>
      <input
        id={id}
        type="range"
        min={0}
        max={points.length - 1}
        step={1}
        value={at}
        disabled={points.length === 1}
        aria-valuetext={describePoint(place)}
        onInput={({ currentTarget }) => onAt(Number(currentTarget.value))}
      />
      <div class="row spread note">
        <span>{formatBytes(points[0]!.bytes)}</span>
        {pinned > 0 && (
          <button type="button" class="link" onClick={onUnpinAll}>
            {pinned} pinned: unpin all
          </button>
        )}
        <span>{formatBytes(points.at(-1)!.bytes)}</span>
      </div>
      <div role="status">
        {unreached && (
          <p class="note">
            {`${formatBytes(unreached.wanted)} cannot be reached with these pins: the smallest size with them is ${formatBytes(unreached.smallest)}. `}
            {onUndo && (
              <button type="button" class="link" onClick={onUndo}>
                Undo the last pins
              </button>
            )}
          </p>
        )}
      </div>
    </div>
  );
}
