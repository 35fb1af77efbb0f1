import type { ConnectionRecord } from '../../../src/contract/connection.ts';
import { get, type Page } from '../api/request.ts';
import { useLoaded } from '../state/use-loaded.ts';
import { TextInput } from './form.tsx';

/** A place outside the service; what its connections lead to is offered. */
export function PlaceInput({ label, name, example }: { label: string; name: string; example: string }) {
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
      isRequired
      pattern="(s3|hf|https?)://.+"
      offers={prefixes}
      note={
        <>
          <code>s3://bucket/folder</code>, <code>hf://owner/repository</code> or <code>https://…</code>. The
          credentials are those of a <a href="#/settings/connections">connection</a> that leads there
          {value?.data.length === 0 && '; there is none yet'}.
        </>
      }
    />
  );
}
