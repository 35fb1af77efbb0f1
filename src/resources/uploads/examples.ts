import type { AdapterFromUploads } from '../../contract/upload.ts';

/** An example of the contract, with its type, so that an outdated example does not compile. */
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
