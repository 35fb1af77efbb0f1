import type { SavedRow } from '../database/saved-tables.ts';
import type { BackupFolder } from './backup-folder.ts';

/** Content whose bytes lie in the storage. */
export interface SavedContent {
  readonly id: string;
  readonly sha256: string;
  readonly bytes: number;
}

/** What is copied at once. */
export const AT_ONCE = 4;

/** The content that a backup has as files, some at a time. */
export async function* savedContent(folder: BackupFolder): AsyncGenerator<SavedContent[]> {
  for await (const rows of folder.rows('content'))
    yield rows.filter(({ inline }) => inline === null).map((row: SavedRow) => row as unknown as SavedContent);
}
