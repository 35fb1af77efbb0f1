import { useEffect, useState } from 'preact/hooks';
import { isReader } from '../state/access.ts';
import { accessRefusal } from '../state/key.ts';
import { uploadFiles } from '../state/uploads.ts';
import { droppedFiles } from '../text/dropped-files.ts';

/** Whether files are dragged. Text and links dragged within the page are left to the browser. */
const hasFiles = ({ dataTransfer }: DragEvent): boolean => dataTransfer?.types.includes('Files') ?? false;

/** Nothing can be uploaded without a key that the service accepts for writing. */
const canUpload = (): boolean => accessRefusal.value === null && !isReader();

/**
 * Accepts files dropped anywhere in the window, which the browser would otherwise open, and shows a hint
 * during the drag.
 */
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
      // Dragging over the page leaves one element after another; relatedTarget is null only when the drag
      // leaves the window.
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
