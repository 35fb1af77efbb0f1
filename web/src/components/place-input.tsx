import type { ConnectionRecord } from '../../../src/contract/connection.ts';
import { get, type Page } from '../api/request.ts';
import { useLoaded } from '../state/use-loaded.ts';
import { TextInput } from './form.tsx';

interface PlaceInputProps {
  readonly label: string;
  readonly name: string;
  readonly example: string;
  /** Of a bucket or of a repository: what is below it can be listed. */
  readonly isFolder?: boolean;
  readonly isOptional?: boolean;
}

/** A place outside the service; what its connections lead to is offered. */
export function PlaceInput({ label, name, example, isFolder, isOptional }: PlaceInputProps) {
  const { value } = useLoaded(
    (signal) => get<Page<ConnectionRecord>>('/v1/connections?limit=100', signal),
    [],
    ['connections'],
  );
  const prefixes = (value?.data ?? []).flatMap((connection) => connection.prefixes);
  return (
    <TextInput
      label={label}
      name={name}
      placeholder={example}
      isRequired={!isOptional}
      pattern={isFolder ? '(s3|hf)://.+' : '(s3|hf|https?)://.+'}
      offers={isFolder ? prefixes.filter((prefix) => !prefix.startsWith('http')) : prefixes}
      note={
        <>
          <code>s3://bucket/folder</code>
          {isFolder ? ' or ' : ', '}
          <code>hf://owner/repository</code>
          {!isFolder && (
            <>
              {' '}
              or <code>https://…</code>
            </>
          )}
          . The credentials are those of a <a href="#/settings/connections">connection</a> that leads there
          {value?.data.length === 0 && '; there is none yet'}.
        </>
      }
    />
  );
}
