/** The state of a job or the verdict on a module, as a word with a colour. */
export function StateBadge({ state }: { state: string }) {
  return <span class={`badge badge-${state}`}>{state}</span>;
}
