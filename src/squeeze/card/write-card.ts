import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { CARD_FILE } from '../../adapter/file-names.ts';
import { hashFile } from '../hash-file.ts';
import type { OutputFile } from '../job-context.ts';
import { type CardContent, modelCard } from './card.ts';

/** Puts the card beside the other files of a result. @returns the files, the card last */
export async function withCard(
  files: readonly OutputFile[],
  content: Omit<CardContent, 'weightsName'>,
): Promise<OutputFile[]> {
  const [weights] = files;
  const path = join(dirname(weights!.path), CARD_FILE);
  await writeFile(path, modelCard({ ...content, weightsName: weights!.name }));
  return [...files, { name: CARD_FILE, path, ...(await hashFile(path)) }];
}
