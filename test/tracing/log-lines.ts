/** A line of the service's log. */
export type LogLine = Readonly<Record<string, unknown>> & { readonly msg?: string };

/** The lines of what a service wrote; what is no JSON is not from the log. */
export const logLines = (output: string): LogLine[] =>
  output.split('\n').flatMap((line) => (line.startsWith('{') ? [JSON.parse(line) as LogLine] : []));

/** Those about a job, of its own or of what runs for it and others. */
export const linesOfJob = (output: string, id: string): LogLine[] =>
  logLines(output).filter(
    ({ jobId, jobIds }) => jobId === id || (jobIds as string[] | undefined)?.includes(id),
  );
