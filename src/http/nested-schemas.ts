import type { TSchema } from 'typebox';
import { AdapterPatch } from '../contract/adapter.ts';
import { JobArtifactList } from '../contract/artifact.ts';
import { BatchList, BatchPatch, BatchRecord, BatchRequest } from '../contract/batch.ts';
import { BatchItemList } from '../contract/batch-item.ts';
import { BatchEventData, BatchResultLine } from '../contract/batch-result.ts';
import { Capabilities } from '../contract/capabilities.ts';
import {
  ConnectionChange,
  ConnectionList,
  ConnectionRecord,
  ConnectionRequest,
} from '../contract/connection.ts';
import { ProgressEvent, StreamEventData, StreamNotice, WebhookEvent } from '../contract/event.ts';
import { FormatRecord } from '../contract/format.ts';
import { JobEventData, JobProgress } from '../contract/job.ts';
import { JobPatch } from '../contract/job-request.ts';
import { KeyList, KeyRecord, KeyRequest, NewKey } from '../contract/key.ts';
import { AdapterListPage, JobListPage, RunListPage } from '../contract/list.ts';
import { CheckpointRecord, RunPatch, RunRecord, RunRequest } from '../contract/run.ts';
import {
  TenantCancellation,
  TenantList,
  TenantRecord,
  TenantRequest,
  TenantSummary,
  TenantWithUsage,
} from '../contract/tenant.ts';
import { AdapterFromUploads, UploadList, UploadRecord } from '../contract/upload.ts';
import { DeliveryList, DeliveryRecord, NewWebhook, WebhookList, WebhookRecord } from '../contract/webhook.ts';
import { WorkerList, WorkerRecord } from '../contract/worker.ts';
import { COMPONENTS, idOf } from './schemas.ts';

/** Named schemas that the routes of a resource add, with examples. */
const ROUTE_SCHEMAS: readonly TSchema[] = [
  ...[AdapterPatch, AdapterListPage, AdapterFromUploads, UploadRecord, UploadList],
  ...[JobListPage, JobPatch, JobProgress, JobEventData, JobArtifactList],
  ...[BatchRequest, BatchRecord, BatchPatch, BatchList, BatchItemList, BatchResultLine, BatchEventData],
  ...[WebhookEvent, ProgressEvent, StreamNotice, StreamEventData],
  ...[RunRequest, RunRecord, RunPatch, RunListPage, CheckpointRecord],
  ...[FormatRecord, Capabilities],
  ...[ConnectionRecord, ConnectionRequest, ConnectionChange, ConnectionList],
  ...[KeyRecord, KeyRequest, NewKey, KeyList],
  ...[WorkerRecord, WorkerList, TenantCancellation],
  ...[TenantRecord, TenantRequest, TenantSummary, TenantList, TenantWithUsage],
  ...[WebhookRecord, NewWebhook, WebhookList, DeliveryRecord, DeliveryList],
];

/** Named schemas inside other components, which are described once. */
export const NESTED_SCHEMAS: readonly TSchema[] = nestedSchemasOf([...COMPONENTS, ...ROUTE_SCHEMAS]);

/** @returns every schema with an `$id` inside the given ones, without the given ones themselves */
function nestedSchemasOf(wholes: readonly TSchema[]): TSchema[] {
  const found = new Map<string, TSchema>();
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    const id = idOf(value);
    if (id !== undefined && !found.has(id)) found.set(id, value as TSchema);
    for (const inner of Object.values(value)) visit(inner);
  };
  visit(wholes);
  for (const whole of wholes) found.delete(idOf(whole)!);
  return [...found.values()];
}
