/** A client of the LoRA-Squeeze service: `new LoraSqueeze({ baseUrl, key })`. */
export type { AdapterFiles, AdapterSource } from './adapter-files.ts';
export type { Adapters, AdapterUploadOptions } from './adapters.ts';
export type { ArtifactOptions } from './artifacts.ts';
export type { BatchEvent, Batches } from './batches.ts';
export { type JobSource, LoraSqueeze, type TenantEvent } from './client.ts';
export type { Connections } from './connections.ts';
export type { Content } from './content.ts';
export type { components, operations, paths } from './contract.d.ts';
export type { DownloadOptions } from './downloads.ts';
export { JobFailedError, LoraSqueezeError } from './errors.ts';
export type { EventOptions, Told } from './event-stream.ts';
export type { CreateJobOptions, JobEvent, Jobs, WaitOptions } from './jobs.ts';
export type { LinesOptions } from './json-lines.ts';
export type { CheckpointOptions, Runs } from './runs.ts';
export type { LoraSqueezeOptions } from './transport.ts';
export type * from './types.ts';
export type { UploadOptions, Uploads } from './uploads.ts';
