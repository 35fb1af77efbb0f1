import { useId, useState } from 'preact/hooks';

interface RankControlProps {
  /** The ranks that can be chosen, ascending. */
  readonly choices: readonly number[];
  readonly rank: number;
  /** A description of what the rank leads to, for users who cannot see the numbers change. */
  readonly words: string;
  readonly recommended: number;
  /** The reason why this is not the rank that the user named; null if it is. */
  readonly note: string | null;
  /** @param rank any number that the user types, or one of the choices */
  readonly onRank: (rank: number) => void;
}

/** An input for a rank, which can be dragged, typed, or set to the recommendation. */
export function RankControl({ choices, rank, words, recommended, note, onRank }: RankControlProps) {
  const id = useId();
  // The text being typed is kept here; otherwise the next render would overwrite it with the rank.
  const [typed, setTyped] = useState<string | null>(null);
  const last = choices.length - 1;
  const position = choices.indexOf(rank);
  const place = choices.indexOf(recommended);
  return (
    <div class="rank-control">
      <div class="row spread">
        <label for={id}>Rank</label>
        <input
          type="number"
          class="rank-number"
          aria-label="Rank, as a number"
          min={choices[0]}
          max={choices[last]}
          value={typed ?? rank}
          onInput={({ currentTarget }) => setTyped(currentTarget.value)}
          onBlur={() => setTyped(null)}
          onChange={({ currentTarget }) => {
            setTyped(null);
            if (currentTarget.value !== '') onRank(Number(currentTarget.value));
          }}
        />
      </div>
      <input
        id={id}
        type="range"
        min={0}
        max={last}
        step={1}
        value={position}
        disabled={last === 0}
        aria-valuetext={words}
        onInput={({ currentTarget }) => onRank(choices[Number(currentTarget.value)]!)}
      />
      <div class="row spread note">
        <span>{choices[0]}</span>
        {place >= 0 && (
          <button type="button" class="link" onClick={() => onRank(recommended)}>
            Recommended: {recommended}
          </button>
        )}
        <span>{choices[last]}</span>
      </div>
      <p class="note" role="status">
        {note !== null && `${note} Rank ${rank} is the nearest.`}
      </p>
    </div>
  );
}
