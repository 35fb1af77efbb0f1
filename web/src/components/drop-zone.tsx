import { useRef } from 'preact/hooks';
import { isReader } from '../state/access.ts';
import { isUploading, uploadFiles, uploads } from '../state/uploads.ts';
import { pickedFiles } from '../text/dropped-files.ts';
import { UploadList } from './upload-list.tsx';

/**
 * Invites the user to upload an adapter and shows the progress. DropAnywhere handles the drops themselves.
 */
export function DropZone() {
  const picker = useRef<HTMLInputElement>(null);
  const folderPicker = useRef<HTMLInputElement>(null);
  function picked({ currentTarget }: { currentTarget: HTMLInputElement }): void {
    const files = pickedFiles(currentTarget.files ?? []);
    currentTarget.value = '';
    if (files.length > 0) void uploadFiles(files);
  }
  if (isReader())
    return (
      <div class="drop">
        <p class="drop-title">Your key can view and download</p>
        <p class="note">
          Uploading needs a key with the scope <code>write</code>.
        </p>
      </div>
    );
  return (
    <div class="drop">
      {uploads.value.length > 0 ? <UploadList /> : <Invitation />}
      <div class="row centred" hidden={isUploading.value}>
        <button type="button" class="primary" onClick={() => picker.current!.click()}>
          Choose files
        </button>
        <button type="button" onClick={() => folderPicker.current!.click()}>
          Choose a folder
        </button>
      </div>
      {isUploading.value && (
        <button type="button" class="quiet" onClick={() => picker.current!.click()}>
          Upload another adapter
        </button>
      )}
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
