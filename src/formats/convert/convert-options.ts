/** What a conversion has to be told where the files do not say it. */
export interface ConvertOptions {
  /** Of Stable Diffusion and its like, which the adapter belongs to. Default: told by the names of its modules. */
  readonly component?: 'unet' | 'transformer' | 'text_encoder' | 'text_encoder_2' | undefined;
  /** GGUF: general.architecture, such as llama or qwen2. */
  readonly architecture?: string | undefined;
  /** Attention heads of the base model, for architectures whose rows llama.cpp reorders (llama, mistral). */
  readonly heads?: number | undefined;
  readonly kv_heads?: number | undefined;
  readonly base_model?: string | undefined;
}
