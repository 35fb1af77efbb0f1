import { useRef } from 'preact/hooks';
import { formatBytes, formatProgress } from '../../../src/charts/format.ts';
import {
  isTrayMinimized,
  removeDone,
  removeEnded,
  removeUpload,
  type Upload,
  uploadNews,
  uploads,
} from '../state/uploads.ts';
import { formatRoughly } from '../text/format-time.ts';
import { Bar } from './bar.tsx';
import { ProblemBox } from './problem-note.tsx';
import { SqueezeAllForm } from './squeeze-all-form.tsx';

/** Before this time a transfer rate means little. */
const MIN_ELAPSED_MS = 1_500;

/** The running and ended uploads, each with its actions. */
export function UploadList() {
  const list = useRef<HTMLUListElement>(null);
  function remove(upload: Upload): void {
    const isLast = uploads.value.length === 1;
    removeUpload(upload);
    // Removing an upload also removes the button that had the focus.
    (isLast ? document.getElementById('main') : list.current)?.focus();
  }
  if (uploads.value.length === 0) return null;
  const adapters = uploads.value.flatMap(({ progress }) =>
    progress.state === 'done' ? [progress.adapter] : [],
  );
  return (
    <>
      {adapters.length > 1 && (
        <div class="row spread">
          <span>{adapters.length} adapters were uploaded.</span>
          <SqueezeAllForm adapters={adapters} onStarted={removeDone} />
        </div>
      )}
      <ul class="uploads" ref={list} tabIndex={-1} aria-label="Uploads">
        {uploads.value.map((upload) => (
          <UploadRow key={upload.id} upload={upload} onRemove={() => remove(upload)} />
        ))}
      </ul>
    </>
  );
}

/** The list of uploads beside every page but the first. It can be reduced to one line. */
export function UploadTray() {
  const isMinimized = isTrayMinimized.value;
  const count = (...states: Upload['progress']['state'][]) =>
    uploads.value.filter(({ progress }) => states.includes(progress.state)).length;
  const [running, done, failed] = [count('waiting', 'sending'), count('done'), count('failed')];
  const words = [running && `${running} running`, done && `${done} finished`, failed && `${failed} failed`];
  const close = () => {
    removeEnded();
    // The button that had the focus is gone with the last upload.
    document.getElementById('main')?.focus();
  };
  return (
    <section class="tray" aria-label="Uploads">
      <div class="row spread">
        <span>Uploads: {words.filter(Boolean).join(', ')}</span>
        <span class="upload-actions">
          {done + failed > 0 && (
            <button type="button" onClick={close}>
              Dismiss finished uploads
            </button>
          )}
          <button
            type="button"
            aria-expanded={!isMinimized}
            onClick={() => {
              isTrayMinimized.value = !isMinimized;
            }}
          >
            {isMinimized ? 'Show' : 'Minimise'}
          </button>
        </span>
      </div>
      {!isMinimized && <UploadList />}
    </section>
  );
}

function UploadRow({ upload, onRemove }: { upload: Upload; onRemove: () => void }) {
  const { name, note, progress } = upload;
  const isOver = progress.state === 'done' || progress.state === 'failed';
  return (
    <li>
      <div class="row spread">
        <strong class="ellipsis" title={name}>
          {name}
        </strong>
        <span class="upload-actions">
          {progress.state === 'done' && (
            <a class="button primary" href={`#/adapters/${progress.adapter.id}`} aria-label={`Open ${name}`}>
              Open
            </a>
          )}
          {isOver ? (
            <button type="button" class="quiet icon" aria-label={`Dismiss ${name}`} onClick={onRemove}>
              ×
            </button>
          ) : (
            <button type="button" aria-label={`Stop ${name}`} onClick={onRemove}>
              Stop
            </button>
          )}
        </span>
      </div>
      {progress.state === 'sending' && (
        <Bar share={progress.sentBytes / progress.totalBytes} label={`Upload of ${name}`} />
      )}
      {progress.state === 'failed' ? (
        <ProblemBox problem={progress.problem} />
      ) : (
        <p class="note">{progressInWords(progress)}</p>
      )}
      {note && <p class="note">{note}</p>}
    </li>
  );
}

function progressInWords(progress: Exclude<Upload['progress'], { state: 'failed' }>): string {
  if (progress.state === 'waiting') return 'Waiting for other uploads';
  if (progress.state === 'done') return `Uploaded, ${formatBytes(progress.adapter.bytes)}`;
  const { sentBytes, totalBytes, elapsedMs } = progress;
  if (sentBytes >= totalBytes) return `${formatBytes(totalBytes)} sent, checking`;
  const words = `${formatProgress(sentBytes / totalBytes)}, ${formatBytes(sentBytes)} of ${formatBytes(totalBytes)}`;
  if (sentBytes === 0 || elapsedMs < MIN_ELAPSED_MS) return words;
  const bytesPerSecond = (1000 * sentBytes) / elapsedMs;
  const left = formatRoughly((totalBytes - sentBytes) / bytesPerSecond);
  return `${words}, ${formatBytes(bytesPerSecond)}/s, about ${left} left`;
}

/** Announces to screen readers when uploads begin and end, on every page, but not each percent. */
export const UploadNews = () => (
  <div class="unseen" role="log" aria-label="Uploads">
    {uploadNews.value.map(({ id, text }) => (
      <p key={id}>{text}</p>
    ))}
  </div>
);
