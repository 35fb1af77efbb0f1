import { CONFIG_FILE, WEIGHTS_FILE } from '../adapter/file-names.ts';
import type { ServingProfile } from '../contract/serving.ts';

/** A server that loads adapters. This is the type of the contract, so the API shows exactly what is checked. */
export type Profile = ServingProfile;

/** Every dtype that factors may have, for servers that cast what they load to the dtype of their model. */
export const ANY_DTYPE: Profile['dtypes'] = ['float32', 'float16', 'bfloat16'];

/** The files that PEFT's save_pretrained writes (peft/utils/constants.py). */
export const PEFT_FILES: readonly string[] = [WEIGHTS_FILE, CONFIG_FILE];
