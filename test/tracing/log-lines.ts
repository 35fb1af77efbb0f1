/** A line of the service's log. */
export type LogLine = Readonly<Record<string, unknown>> & { readonly msg?: string };

/** The lines in the output of a service; lines that are not JSON do not belong to the log. */
export const logLines = (output: string): LogLine[] =>
  output.split('\n').flatMap((line) => (line.startsWith('{') ? [JSON.parse(line) as LogLine] : []));

/** The lines about a job, its own and those of shared work. */
export const linesOfJob = (output: string, id: string): LogLine[] =>
  logLines(output).filter(
    ({ jobId, jobIds }) => jobId === id || (jobIds as string[] | undefined)?.includes(id),
  );
