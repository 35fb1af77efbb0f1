import { bytesInWords } from '../../../src/charts/words.ts';
import type { AdapterRecord } from '../../../src/contract/adapter.ts';
import { moment } from '../words/moments.ts';
import { rankRange } from '../words/target-in-words.ts';

/** Adapters as a list of cards; each leads to its page. */
export function AdapterCards({ adapters }: { adapters: readonly AdapterRecord[] }) {
  return (
    <ul class="cards">
      {adapters.map(
        ({ id, name, base_model: base, modules, ranks, bytes, format, parent_id, created_at }) => (
          <li key={id}>
            <a href={`#/adapters/${id}`}>
              <strong class="ellipsis">{name}</strong>
              <span class="ellipsis">{base ?? 'Base model not named'}</span>
              <span>
                rank {rankRange(ranks)} · {modules.toLocaleString('en')} modules · {bytesInWords(bytes)} ·{' '}
                {format}
              </span>
              <span class="note">
                {parent_id === null ? 'uploaded' : 'squeezed'} {moment(created_at)}
              </span>
              <code class="note ellipsis">{id}</code>
            </a>
          </li>
        ),
      )}
    </ul>
  );
}
