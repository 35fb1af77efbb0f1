import type { ErrorKind } from '../src/errors/error-kind.ts';
import { ERROR_KINDS } from '../src/errors/error-kinds.ts';

const HEAD = `# Errors

<!-- Generated from src/errors/error-kinds.ts by \`npx tsx scripts/write-errors.ts\`. -->

Every failure is a problem document ([RFC 9457](https://www.rfc-editor.org/rfc/rfc9457), \`application/problem+json\`):

\`\`\`json
{
  "type": "urn:lora-squeeze:problem:ADAPTER_NOT_FOUND",
  "title": "No adapter has this id",
  "status": 404,
  "detail": "There is no adapter \\"ad_0\\".",
  "code": "ADAPTER_NOT_FOUND",
  "retryable": false,
  "instance": "urn:lora-squeeze:request:…",
  "context": {"id": "ad_0"}
}
\`\`\`

Programs can rely on \`code\`, which is stable. \`detail\` is for people and names the file, the tensor, the value and the limit;
\`context\` gives the same facts to programs. If the request does not fit its schema, \`errors\` lists every fault with a JSON
pointer to its place. A failed job has the same fields in its \`error\`. \`instance\` contains the id of the request, which is also in
the header \`x-request-id\` and in the log of the service.

**Retry?** *yes*: the same request may succeed later; if the response has a \`Retry-After\` header, wait that long first. *no*: the
request fails again until something is changed.
`;

/** The text of docs/errors.md. */
export function errorsPage(): string {
  const byStatus = new Map<number, [string, ErrorKind][]>();
  for (const [code, kind] of Object.entries(ERROR_KINDS)) {
    const rows = byStatus.get(kind.status);
    if (rows) rows.push([code, kind]);
    else byStatus.set(kind.status, [[code, kind]]);
  }
  const rows = [...byStatus]
    .sort(([x], [y]) => x - y)
    .flatMap(([status, kinds]) =>
      kinds.map(
        ([code, { title, retryable }]) =>
          `| ${status} | \`${code}\` | ${title} | ${retryable ? 'yes' : 'no'} |`,
      ),
    );
  return `${HEAD}\n| status | code | what it says | retry? |\n|---:|---|---|---|\n${rows.join('\n')}\n`;
}
