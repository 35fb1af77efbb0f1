import type { AdapterFromUploads } from '../../contract/upload.ts';

/** An example of the contract; typed, so that it cannot go stale quietly. */
export const ADAPTER_FROM_UPLOADS_EXAMPLE: AdapterFromUploads = {
  files: {
    'adapter_model.safetensors': 'my-weights',
    'adapter_config.json': {
      peft_type: 'LORA',
      r: 4,
      lora_alpha: 8,
      target_modules: ['q_proj', 'v_proj'],
    },
  },
  labels: { team: 'search' },
  ttl_seconds: 604_800,
};
