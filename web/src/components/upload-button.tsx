import type { ComponentChildren } from 'preact';
import { useRef } from 'preact/hooks';
import { uploadFiles } from '../state/uploads.ts';
import { pickedFiles } from '../text/dropped-files.ts';

interface UploadButtonProps {
  readonly picks: 'files' | 'folder';
  readonly class?: string;
  readonly children: ComponentChildren;
}

/** A button with which files or a folder are chosen, and uploaded at once. */
export function UploadButton({ picks, class: name, children }: UploadButtonProps) {
  const picker = useRef<HTMLInputElement>(null);
  return (
    <>
      <button type="button" class={name} onClick={() => picker.current!.click()}>
        {children}
      </button>
      <input
        ref={picker}
        type="file"
        hidden
        data-picker={picks}
        onChange={({ currentTarget }) => {
          const files = pickedFiles(currentTarget.files ?? []);
          currentTarget.value = '';
          if (files.length > 0) void uploadFiles(files);
        }}
        {...(picks === 'folder' ? { webkitdirectory: true } : { multiple: true })}
      />
    </>
  );
}
