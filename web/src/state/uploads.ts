import { computed, effect, signal } from '@preact/signals';
import type { AdapterRecord } from '../../../src/contract/adapter.ts';
import { type Problem, problemOf } from '../api/problem.ts';
import { type AdapterFiles, uploadAdapter } from '../api/upload-adapter.ts';
import { type ChosenAdapter, groupAdapters } from '../text/choose-files.ts';
import type { FoundFile } from '../text/dropped-files.ts';
import { notifyTopics } from './live.ts';
import { navigatorFromHere, route } from './route.ts';

/**
 * The number of simultaneous uploads. Browsers allow six connections to a server, and the page needs some
 * for itself.
 */
const MAX_RUNNING = 2;
const MAX_NEWS = 8;

type Progress =
  | { readonly state: 'waiting' }
  | {
      readonly state: 'sending';
      readonly sentBytes: number;
      readonly totalBytes: number;
      /** The time since the upload began. */
      readonly elapsedMs: number;
    }
  | { readonly state: 'done'; readonly adapter: AdapterRecord }
  | { readonly state: 'failed'; readonly problem: Problem };

/** An upload of an adapter, from the choice of its files until the user has seen its outcome. */
export interface Upload {
  readonly id: number;
  readonly name: string;
  readonly note: string | null;
  readonly files: AdapterFiles | null;
  readonly controller: AbortController;
  /** Opens the adapter's page, if the user is still on the page from which the upload was started. */
  readonly open: (to: string) => void;
  readonly progress: Progress;
}

/**
 * The running uploads, and the ended ones that were neither opened nor dismissed. They outlive the pages
 * that show them.
 */
export const uploads = signal<readonly Upload[]>([]);
/** News about uploads for users of screen readers, newest last. */
export const uploadNews = signal<readonly { readonly id: number; readonly text: string }[]>([]);

const isOpen = ({ progress: { state } }: Upload): boolean => state === 'waiting' || state === 'sending';
/** Whether an upload runs or waits for its turn. */
export const isUploading = computed(() => uploads.value.some(isOpen));
/** Whether the list of uploads beside a page shows only how many there are. */
export const isTrayMinimized = signal(false);
let lastId = 0;

/** Uploads every adapter among the files, and reports the files that are not adapters. */
export async function uploadFiles(
  found: readonly FoundFile[] | Promise<readonly FoundFile[]>,
): Promise<void> {
  // Away from the start page, users are busy with something else and open the adapter themselves.
  const open = route.value.path.length === 0 ? navigatorFromHere() : () => undefined;
  let choices: readonly ChosenAdapter[];
  try {
    choices = groupAdapters(await found);
  } catch (error) {
    choices = [{ name: 'Files', files: null, problem: problemOf(error), note: null }];
  }
  const added = choices.map(({ name, files, note, problem }): Upload => {
    const progress: Progress = problem ? { state: 'failed', problem } : { state: 'waiting' };
    return { id: ++lastId, name, note, files, controller: new AbortController(), open, progress };
  });
  uploads.value = [...uploads.value, ...added];
  isTrayMinimized.value = false;
  for (const { name, progress, note } of added) {
    if (progress.state === 'failed') addFailureNews(name, progress.problem);
    else addNews(`Uploading ${name}.${note === null ? '' : ` ${note}`}`);
  }
  startWaiting();
}

/** Removes an upload from the list and stops it if it is still running. */
export function removeUpload(upload: Upload): void {
  uploads.value = uploads.value.filter(({ id }) => id !== upload.id);
  upload.controller.abort();
  if (isOpen(upload)) addNews(`The upload of ${upload.name} was stopped.`);
  startWaiting();
}

/** Removes the uploads that have ended, whether they succeeded or failed. */
export function removeEnded(): void {
  uploads.value = uploads.value.filter(isOpen);
}

/** Removes the uploads whose adapters exist now. */
export function removeDone(): void {
  uploads.value = uploads.value.filter(({ progress }) => progress.state !== 'done');
}

function startWaiting(): void {
  const running = uploads.value.filter(({ progress: { state } }) => state === 'sending').length;
  const waiting = uploads.value.filter(({ progress: { state } }) => state === 'waiting');
  for (const upload of waiting.slice(0, Math.max(0, MAX_RUNNING - running))) void run(upload, upload.files!);
}

async function run({ id, name, controller, open }: Upload, files: AdapterFiles): Promise<void> {
  const all = [files.weights, ...(files.more ?? []), ...(files.config ? [files.config] : [])];
  const totalBytes = all.reduce((sum, { size }) => sum + size, 0);
  const begunMs = performance.now();
  const onSent = (sentBytes: number, total: number) =>
    change(id, { state: 'sending', sentBytes, totalBytes: total, elapsedMs: performance.now() - begunMs });
  onSent(0, totalBytes);
  try {
    const adapter = await uploadAdapter(calledBy(name), files, onSent, controller.signal);
    change(id, { state: 'done', adapter });
    addNews(`${name} was uploaded.`);
    notifyTopics('adapters');
    // If several adapters were chosen, the user decides which one to open, and when.
    if (!uploads.value.some((other) => other.id !== id && other.progress.state !== 'failed'))
      open(`/adapters/${adapter.id}`);
  } catch (error) {
    if (controller.signal.aborted) return;
    const problem = problemOf(error);
    change(id, { state: 'failed', problem });
    addFailureNews(name, problem);
  } finally {
    startWaiting();
  }
}

/**
 * A folder gives its adapter a name. For a file the service finds a better one, because many formats
 * prescribe the file name.
 */
const calledBy = (name: string): string | null =>
  /\.(?:safetensors|gguf)$/i.test(name) ? null : [...name.replace(/\p{Cc}+/gu, ' ')].slice(0, 200).join('');

function change(id: number, progress: Progress): void {
  uploads.value = uploads.value.map((upload) => (upload.id === id ? { ...upload, progress } : upload));
}

const addFailureNews = (name: string, { title, detail }: Problem): void =>
  addNews(`${name} was not uploaded. ${title}: ${detail}`);

function addNews(text: string): void {
  const id = (uploadNews.value.at(-1)?.id ?? 0) + 1;
  uploadNews.value = [...uploadNews.value, { id, text }].slice(-MAX_NEWS);
}

// The adapter that is open needs no link in the list; an upload with a note stays until the user has
// dismissed it.
effect(() => {
  const [place, id] = route.value.path;
  const isHere = ({ progress, note }: Upload) =>
    place === 'adapters' && progress.state === 'done' && progress.adapter.id === id && note === null;
  if (uploads.value.some(isHere)) uploads.value = uploads.value.filter((upload) => !isHere(upload));
});

// On the next page after the last upload has ended, its outcome has been seen and need not cover anything.
const page = computed(() => route.value.path.join('/'));
effect(() => {
  if (page.value !== '' && !isUploading.peek()) isTrayMinimized.value = true;
});

const askBeforeLeaving = (event: Event): void => event.preventDefault();
// The listener exists only during uploads, because browsers do not keep a page with it in their
// back/forward cache.
effect(() => {
  if (isUploading.value) addEventListener('beforeunload', askBeforeLeaving);
  else removeEventListener('beforeunload', askBeforeLeaving);
});
