/** The state of a job or a module's verdict: a word and a colour. */
export function StateBadge({ state }: { state: string }) {
  return <span class={`badge badge-${state}`}>{state}</span>;
}
