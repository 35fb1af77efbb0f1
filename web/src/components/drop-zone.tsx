import { useRef, useState } from 'preact/hooks';
import { bytesInWords } from '../../../src/charts/words.ts';
import { type Problem, problemOf } from '../api/problem.ts';
import { type AdapterFiles, uploadAdapter } from '../api/upload-adapter.ts';
import { go } from '../state/route.ts';
import { chooseFiles } from '../words/choose-files.ts';
import { droppedFiles } from '../words/dropped-files.ts';
import { Bar } from './bar.tsx';
import { ProblemNote } from './problem-note.tsx';

interface Sending {
  readonly files: AdapterFiles;
  readonly share: number;
  readonly controller: AbortController;
}

/** Takes an adapter: dropped, or picked as files or as a folder. */
export function DropZone() {
  const [isOver, setOver] = useState(false);
  const [sending, setSending] = useState<Sending | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const picker = useRef<HTMLInputElement>(null);
  const folderPicker = useRef<HTMLInputElement>(null);

  async function take(found: File[] | Promise<File[]>): Promise<void> {
    setProblem(null);
    try {
      const files = chooseFiles(await found);
      const controller = new AbortController();
      setSending({ files, share: 0, controller });
      const tell = (share: number) => setSending({ files, share, controller });
      const { id } = await uploadAdapter(files, tell, controller.signal);
      go(`/adapters/${id}`);
    } catch (error) {
      setProblem(problemOf(error));
    } finally {
      setSending(null);
    }
  }
  function picked({ currentTarget }: { currentTarget: HTMLInputElement }): void {
    const files = [...(currentTarget.files ?? [])];
    currentTarget.value = '';
    if (files.length > 0) void take(files);
  }

  return (
    <div>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: dropping has the buttons inside as its other way */}
      <div
        class={`drop ${isOver ? 'is-over' : ''}`}
        onDragOver={(event) => {
          event.preventDefault();
          setOver(true);
        }}
        onDragLeave={() => setOver(false)}
        onDrop={(event) => {
          event.preventDefault();
          setOver(false);
          if (event.dataTransfer && !sending) void take(droppedFiles(event.dataTransfer));
        }}
      >
        {sending ? <Upload sending={sending} /> : <Invitation />}
        <div class="row centred" hidden={sending !== null}>
          <button type="button" class="primary" onClick={() => picker.current!.click()}>
            Choose files
          </button>
          <button type="button" onClick={() => folderPicker.current!.click()}>
            Choose a folder
          </button>
        </div>
        <input ref={picker} type="file" multiple hidden data-picker="files" onChange={picked} />
        <input
          ref={folderPicker}
          type="file"
          hidden
          data-picker="folder"
          onChange={picked}
          {...{ webkitdirectory: true }}
        />
      </div>
      <ProblemNote problem={problem} />
    </div>
  );
}

function Invitation() {
  return (
    <>
      <svg class="drop-icon" viewBox="0 0 48 48" width="48" height="48" aria-hidden="true">
        <path d="M24 31V9m0 0-8 8m8-8 8 8M8 30v7a3 3 0 0 0 3 3h26a3 3 0 0 0 3-3v-7" />
      </svg>
      <p class="drop-title">Drop an adapter here</p>
      <p class="note">
        The folder that PEFT wrote, its two files, or a single <code>.safetensors</code> or <code>.gguf</code>
        .
      </p>
    </>
  );
}

function Upload({ sending: { files, share, controller } }: { sending: Sending }) {
  const { weights } = files;
  return (
    <div class="uploading">
      <p role="status">
        {share < 1 ? 'Uploading' : 'Checking'} {weights.name}, {bytesInWords(weights.size)}
      </p>
      <Bar share={share} label="Upload" />
      <button type="button" onClick={() => controller.abort()}>
        Stop
      </button>
    </div>
  );
}
