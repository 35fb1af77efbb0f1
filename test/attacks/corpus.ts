import { readFileSync } from 'node:fs';
import type { ErrorCode } from '../../src/errors/error-kinds.ts';

const FOLDER = new URL('../fixtures/attacks/', import.meta.url);

/** The fields are explained in test/fixtures/attacks/README.md. */
interface Case {
  readonly file: string;
  readonly what: string;
  readonly status: number;
  readonly codes: readonly ErrorCode[];
}
export interface FileAttack extends Case {
  readonly config?: string;
  readonly needsData?: true;
}
export interface RawAttack extends Case {
  /** The client closes its side of the connection after the last byte. */
  readonly endsEarly?: true;
}
export interface CallAttack {
  readonly id: string;
  readonly what: string;
  readonly status: number;
  readonly code: ErrorCode | null;
  /** The file and the title of the test that covers the attack, if that is not calls.ts. */
  readonly provenIn?: readonly [file: string, title: string];
}

export const attackFile = (name: string): Buffer => readFileSync(new URL(name, FOLDER));
const list = <T>(name: string): readonly T[] => JSON.parse(attackFile(name).toString()) as T[];

export const FILE_ATTACKS = list<FileAttack>('manifest.json');
export const RAW_ATTACKS = list<RawAttack>('http.json');
export const CALL_ATTACKS = list<CallAttack>('api.json');

const CONTROL_WEIGHTS = attackFile('lora/l00_valid_f32.safetensors');
const CONTROL_CONFIG = attackFile('config/g00_valid.json');

export interface AttackFiles {
  readonly weights: Buffer;
  readonly config: Buffer;
}

/**
 * Both files of an adapter, one of which is the attack. The only valid file of rank 1 is for controls of rank
 * 1.
 * @param ownConfig the configuration that belongs to the weights, if that is not the control's
 */
export function filesOf({ file, config: ownConfig }: Pick<FileAttack, 'file' | 'config'>): AttackFiles {
  if (file.startsWith('config/')) return { weights: CONTROL_WEIGHTS, config: attackFile(file) };
  if (ownConfig) return { weights: attackFile(file), config: attackFile(ownConfig) };
  const isRankOne = file.includes('l27_one_by_one');
  const config = isRankOne ? Buffer.from(String(CONTROL_CONFIG).replace('"r":4', '"r":1')) : CONTROL_CONFIG;
  return { weights: attackFile(file), config };
}
