import type { ComponentChildren } from 'preact';
import { Term } from './term.tsx';

/** A list of names with values; entries without a value are left out. */
export function Facts({ facts }: { facts: Readonly<Record<string, ComponentChildren>> }) {
  return (
    <dl class="facts">
      {Object.entries(facts)
        .filter(([, value]) => value !== null && value !== undefined && value !== '')
        .map(([name, value]) => (
          <div key={name}>
            <dt>
              <Term title={name} />
            </dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  );
}
