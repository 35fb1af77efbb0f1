import type { ComponentChildren } from 'preact';
import { useId } from 'preact/hooks';

interface PanelProps {
  readonly title: string;
  readonly note?: ComponentChildren;
  readonly class?: string;
  readonly actions?: ComponentChildren;
  readonly children: ComponentChildren;
}

/** A section of a page with its heading. */
export function Panel({ title, note, class: name = '', actions, children }: PanelProps) {
  const id = useId();
  return (
    <section class={`panel ${name}`} aria-labelledby={id}>
      <div class="panel-head">
        <h2 id={id}>{title}</h2>
        {actions}
      </div>
      {note && <p class="note">{note}</p>}
      {children}
    </section>
  );
}
