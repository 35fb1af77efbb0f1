import type { ComponentChildren } from 'preact';
import { Term } from './term.tsx';

export interface Tile {
  readonly title: string;
  readonly value: ComponentChildren;
  readonly note?: ComponentChildren;
}

/** The most important figures, in large type. */
export function Tiles({ tiles }: { tiles: readonly Tile[] }) {
  return (
    <dl class="tiles">
      {tiles.map(({ title, value, note }) => (
        <div key={title}>
          <dt>
            <Term title={title} />
          </dt>
          <dd>
            <span class="tile-value">{value}</span>
            {note && <span class="note">{note}</span>}
          </dd>
        </div>
      ))}
    </dl>
  );
}
