import type { ComponentChildren } from 'preact';

export interface Tile {
  readonly title: string;
  readonly value: ComponentChildren;
  readonly note?: ComponentChildren;
}

/** The few numbers that matter, large. */
export function Tiles({ tiles }: { tiles: readonly Tile[] }) {
  return (
    <dl class="tiles">
      {tiles.map(({ title, value, note }) => (
        <div key={title}>
          <dt>{title}</dt>
          <dd>
            <span class="tile-value">{value}</span>
            {note && <span class="note">{note}</span>}
          </dd>
        </div>
      ))}
    </dl>
  );
}
