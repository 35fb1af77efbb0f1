import { isReader } from '../state/access.ts';
import { isUploading, uploads } from '../state/uploads.ts';
import { UploadButton } from './upload-button.tsx';
import { UploadList } from './upload-list.tsx';

/**
 * Invites the user to upload an adapter and shows the progress. DropAnywhere handles the drops themselves.
 */
export function DropZone() {
  if (isReader())
    return (
      <div class="drop">
        <p class="drop-title">Your key can only view and download</p>
        <p class="note">
          Uploading needs a key with the scope <code>write</code>.
        </p>
      </div>
    );
  return (
    <div class="drop">
      {uploads.value.length > 0 ? <UploadList /> : <Invitation />}
      <div class="row centred">
        <UploadButton picks="files" class={isUploading.value ? 'quiet' : 'primary'}>
          {isUploading.value ? 'Upload another adapter' : 'Choose files'}
        </UploadButton>
        <span hidden={isUploading.value}>
          <UploadButton picks="folder">Choose a folder</UploadButton>
        </span>
      </div>
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
