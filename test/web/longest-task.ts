import type { Browser, Page } from 'playwright-core';

/** An event in a trace of Chromium (the Trace Event Format). */
interface TraceEvent {
  readonly name: string;
  readonly pid: number;
  readonly tid: number;
  readonly ts?: number;
  /** Microseconds of processor time, for events that have a duration. */
  readonly tdur?: number;
  readonly args?: { readonly name?: string };
}

/**
 * The longest task of the page's main thread while a function runs, in milliseconds of processor time, which
 * does not depend on other work of the machine.
 */
export async function longestTaskMs(
  browser: Browser,
  page: Page,
  work: () => Promise<void>,
): Promise<number> {
  await browser.startTracing(page, { categories: ['toplevel', 'disabled-by-default-devtools.timeline'] });
  let trace: Buffer;
  try {
    await work();
  } finally {
    trace = await browser.stopTracing();
  }
  const { traceEvents } = JSON.parse(trace.toString('utf8')) as { traceEvents: TraceEvent[] };
  const threads = new Set(
    traceEvents
      .filter(({ name, args }) => name === 'thread_name' && args?.name === 'CrRendererMain')
      .map(({ pid, tid }) => `${pid} ${tid}`),
  );
  const tasks = traceEvents.filter(
    ({ name, pid, tid }) => /RunTask$/.test(name) && threads.has(`${pid} ${tid}`),
  );
  if (tasks.length === 0) throw new Error('the trace has no tasks of a page');
  return tasks.reduce((longest, { tdur = 0 }) => Math.max(longest, tdur), 0) / 1000;
}

/** Work of the kind that a page does: objects, sorting, text, elements, layout. */
const REFERENCE_WORK = `(() => {
  const rows = Array.from({ length: 40_000 }, (_, index) => ({ name: 'layer.' + ((index * 7919) % 40_000), index }));
  rows.sort((one, other) => (one.name < other.name ? -1 : 1));
  const list = document.createElement('ul');
  for (const { name } of JSON.parse(JSON.stringify(rows)).slice(0, 4_000)) {
    list.append(Object.assign(document.createElement('li'), { textContent: name }));
  }
  document.body.replaceChildren(list);
  return list.offsetHeight;
})()`;
/** What the reference work takes on an idle core of an AMD EPYC server, in milliseconds of processor time. */
const REFERENCE_MS = 90;

/**
 * How many times as long as on the machine of `REFERENCE_MS` the work of a page takes here and now, so that a
 * limit in milliseconds asks the same of every machine. A faster machine counts as that one.
 */
export async function slownessOf(browser: Browser): Promise<number> {
  const page = await browser.newPage();
  try {
    const tookMs = await longestTaskMs(browser, page, async () => {
      await page.evaluate(REFERENCE_WORK);
    });
    return Math.max(1, tookMs / REFERENCE_MS);
  } finally {
    await page.close();
  }
}
