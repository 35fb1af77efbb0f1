import type { S3Sink, S3Source, Sink, Source } from '../contract/transfer.ts';
import { shownUrl } from '../net/check-url.ts';
import { urlFile } from './url-files.ts';

/**
 * What may be shown of where an adapter comes from or goes to: host and path of the weights, bucket and prefix, or
 * host and repository.
 * @param hubEndpoint URL of the Hub
 */
export function placeOf(end: Source | Sink, hubEndpoint: string): string {
  switch (end.type) {
    case 'url':
      return shownUrl(urlFile(end, 'weights')!.url);
    case 's3':
      return s3Place(end);
    case 'hub':
      return `${new URL(hubEndpoint).host}/${end.repo}`;
  }
}

/** `s3://bucket/prefix` of AWS, else host, bucket and prefix. */
function s3Place({ bucket, prefix, endpoint }: S3Source | S3Sink): string {
  const path = [bucket, prefix.replace(/\/+$/, '')].filter(Boolean).join('/');
  return endpoint === undefined ? `s3://${path}` : `${new URL(endpoint).host}/${path}`;
}
