interface NamedRecord {
  readonly id: string;
  readonly name: string;
}

/** The end of an id, which is random and so tells records of the same name apart. */
export const endOfId = (id: string): string => `…${id.slice(-6)}`;

/** The names of records by id. If several records have the same name, the end of its id follows each. */
export function distinctNames(records: readonly NamedRecord[]): ReadonlyMap<string, string> {
  const byId = new Map(records.map(({ id, name }) => [id, name]));
  const seen = new Set<string>();
  const repeated = new Set<string>();
  for (const name of byId.values()) (seen.has(name) ? repeated : seen).add(name);
  return new Map([...byId].map(([id, name]) => [id, repeated.has(name) ? `${name} (${endOfId(id)})` : name]));
}
