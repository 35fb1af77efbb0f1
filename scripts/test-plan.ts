import { readFileSync } from 'node:fs';
import { relative } from 'node:path';

/** Test files that run in one process, one after the other. */
export interface Unit {
  readonly name: string;
  /** Absolute paths of sources. */
  readonly sources: readonly string[];
}

/** Tests that only `--all` runs, because what they do is slow. */
const SLOW: readonly RegExp[] = [
  // A real browser, a real Prometheus, real clusters of Redis and S3 servers.
  /^test\/web\//,
  /^test\/report\/browser/,
  /^test\/deploy\/(?:dashboards-live|prometheus|redis-tls)/,
  /^test\/scale\//,
  /^test\/queue\/(?:cluster|sentinel)/,
  /^test\/(?:storage\/s3-|transfer\/(?:s3|list-adapters))/,
  // Faults, crashes and hostile input, in many rounds.
  /^test\/chaos\//,
  /^test\/upgrade\//,
  /^test\/fuzz\//,
  /^test\/attacks\//,
  /^test\/start\//,
  /^test\/queue\/(?:crash|webhook-crash|batch)/,
  /^test\/resources\/sweeps\/races/,
  // Servers that crash, disks that fill up, processes that are killed or stopped.
  /^test\/database\/trouble/,
  /^test\/resources\/uploads\/upload-locks/,
  // Ten thousand random spectra, and modules of large ranks.
  /^test\/engine\/(?:excess-bound|large-directions)/,
  // Clients, and programs by others.
  /^test\/clients\//,
  /^test\/(?:engines|formats\/foreign)\//,
  /^test\/adapter\/pickle-refused/,
  /^test\/tracing\/(?:traces|off)/,
  /^test\/bench\/quality-run/,
  // The service and the command as processes, except for one basic run of each.
  /^test\/e2e\/(?!bad-input)/,
  /^test\/cli\/(?!usage|built)/,
  /^test\/main\/(?:auth|drained|killed|private-files|readiness)/,
];

/** Of those, the ones that start first, because a run cannot end before its longest test. */
const LONGEST: readonly RegExp[] = [
  /^test\/web\/page/,
  /^test\/clients\/(?:annealer|generated)/,
  /^test\/upgrade\/rolling/,
  /^test\/(?:fuzz\/contract|bench\/quality-run|queue\/crash|chaos\/kill-points|scale\/)/,
];

/** Also run only by `--all`, although these files may share processes: many rounds of what a shorter test does once. */
const THOROUGH: readonly RegExp[] = [
  /^test\/http\/(?:fuzz|zip-archive|batch-results-many|stalled-storage|idempotency-tus|uploads-tus|connections|watching-document|batch-lines|batch-forms)/,
  /^test\/http\/(?:access-pages|request-log|adapter-changes|adapter-expiry|refused-uploads|schedules)/,
  /^test\/resources\/(?:contents\/|sweeps\/(?:s3|sweep-cost)|webhooks\/old-deliveries|runs\/remove-run)/,
  /^test\/resources\/(?:runs\/(?:any-sequence|crash)|batches\/batch-|adapters\/files|list-cost)/,
  /^test\/resources\/jobs\/(?:sweep-jobs|executions\/attempts)/,
  /^test\/formats\/kohya\/convolutions/,
  /^test\/transfer\/(?:hub|url-source)/,
  /^test\/squeeze\/any-adapter/,
  /^test\/queue\/(?:cancel|job-hints|producer|rate-counter|storage-trouble|traced-jobs|webhook-deliveries|fix-)/,
];

/**
 * Folders whose tests start no service: their files share processes, because starting Node takes longer than most of
 * them.
 */
const SHARED =
  /^test\/(?:adapter|app|architecture|backup|bench|charts|compute|core|database|deploy|dispatch|formats|gguf|http|json|metrics|net|openapi|oracle|report|resources|safetensors|schedule|scripts|serving|squeeze|storage|transfer)\//;
const MAX_SHARED = 16;

/** Hooks at the top level of a file would apply to all files of a shared process. */
const FILE_HOOK = /^(?:before|after)(?:Each)?\(/m;

/**
 * The tests to run, those that take longest first.
 * @param sources absolute paths
 */
export function planTests(root: string, sources: readonly string[], isAll: boolean): Unit[] {
  const slow: Unit[] = [];
  const alone: Unit[] = [];
  const shared = new Map<string, string[]>();
  for (const source of sources) {
    const name = relative(root, source);
    if (!isAll && THOROUGH.some((pattern) => pattern.test(name))) continue;
    const folder = SHARED.exec(name)?.[0];
    if (SLOW.some((pattern) => pattern.test(name))) slow.push({ name, sources: [source] });
    else if (folder === undefined || FILE_HOOK.test(readFileSync(source, 'utf8')))
      alone.push({ name, sources: [source] });
    else shared.set(folder, [...(shared.get(folder) ?? []), source]);
  }
  const groups = [...shared].flatMap(([folder, files]) => inParts(folder, files));
  const isLong = ({ name }: Unit): boolean => LONGEST.some((pattern) => pattern.test(name));
  const long = slow.filter(isLong);
  const others = slow.filter((unit) => !isLong(unit));
  return [...(isAll ? long : []), ...groups, ...(isAll ? others : []), ...alone];
}

function inParts(folder: string, files: readonly string[]): Unit[] {
  const count = Math.ceil(files.length / MAX_SHARED);
  return Array.from({ length: count }, (_, part) => ({
    name: `${folder} (${part + 1} of ${count})`,
    sources: files.filter((_file, index) => index % count === part),
  }));
}
