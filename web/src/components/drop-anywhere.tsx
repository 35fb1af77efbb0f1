import { useEffect, useState } from 'preact/hooks';
import { isReader } from '../state/access.ts';
import { refused } from '../state/key.ts';
import { uploadFiles } from '../state/uploads.ts';
import { droppedFiles } from '../words/dropped-files.ts';

/** Text and links that are dragged inside the page stay the browser's business. */
const hasFiles = ({ dataTransfer }: DragEvent): boolean => dataTransfer?.types.includes('Files') ?? false;

/** Without a key that the service takes for it, nothing can be uploaded. */
const canUpload = (): boolean => refused.value === null && !isReader();

/** Takes files that are dropped anywhere in the window, which the browser would open otherwise, and says so meanwhile. */
export function DropAnywhere() {
  const [isOver, setOver] = useState(false);
  useEffect(() => {
    const controller = new AbortController();
    type Type = 'dragenter' | 'dragover' | 'dragleave' | 'drop';
    const listen = (type: Type, react: (event: DragEvent) => void) =>
      document.addEventListener(type, (event) => hasFiles(event) && react(event), controller);
    const over = (event: DragEvent) => {
      event.preventDefault();
      const isTaken = canUpload();
      event.dataTransfer!.dropEffect = isTaken ? 'copy' : 'none';
      setOver(isTaken);
    };
    listen('dragenter', over);
    listen('dragover', over);
    listen('dragleave', ({ relatedTarget }) => {
      // Elements of the page are left for others all the time; the window is left for nothing.
      if (relatedTarget === null) setOver(false);
    });
    listen('drop', (event) => {
      event.preventDefault();
      setOver(false);
      if (canUpload()) void uploadFiles(droppedFiles(event.dataTransfer!));
    });
    return () => controller.abort();
  }, []);
  return (
    <div class="drop-hint" hidden={!isOver}>
      <p>Drop to upload</p>
    </div>
  );
}
