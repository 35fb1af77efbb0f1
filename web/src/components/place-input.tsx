import type { ConnectionRecord } from '../../../src/contract/connection.ts';
import { get, type Page } from '../api/request.ts';
import { useLoaded } from '../state/use-loaded.ts';
import { TextInput } from './form.tsx';

interface PlaceInputProps {
  readonly label: string;
  readonly name: string;
  readonly example: string;
  readonly value?: string | undefined;
  /** Whether the place is a folder of a bucket or a repository, whose content can be listed. */
  readonly isFolder?: boolean;
  readonly isOptional?: boolean;
}

/** An input for a place outside the service; it suggests the places that the connections lead to. */
export function PlaceInput({
  label,
  name,
  example,
  value: first = '',
  isFolder,
  isOptional,
}: PlaceInputProps) {
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
      value={first}
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
