import type { ServingProfile } from '../../../src/contract/serving.ts';
import { foreseenFaults } from '../../../src/serving/kept-rules.ts';
import { get } from '../api/request.ts';
import { useLoaded } from '../state/use-loaded.ts';

const CONFIG = 'adapter_config.json';

interface ForeseenFaultsProps {
  readonly adapterId: string;
  /** The server that is to load the result; null if there is none. */
  readonly profile: ServingProfile | null;
  /** Whether the result has the configuration of the source: it is in the same format, and that has one. */
  readonly keepsConfig: boolean;
}

/** Says before the job which rules of the server its result is going to break, whatever its ranks are. */
export function ForeseenFaults({ adapterId, profile, keepsConfig }: ForeseenFaultsProps) {
  const isAsked = profile !== null && keepsConfig;
  // If the file cannot be read, the verdict on the result says the same.
  const { value: config } = useLoaded(
    (signal) =>
      isAsked ? get<Record<string, unknown>>(`/v1/adapters/${adapterId}/files/${CONFIG}`, signal) : null,
    [adapterId, isAsked],
  );
  const faults = isAsked && config ? foreseenFaults(profile, config) : [];
  return (
    <div role="status">
      {faults.length > 0 && (
        <div class="verdict is-bad">
          <strong>{`The result will not load in ${profile!.title}`}</strong>
          <ul>
            {faults.map(({ rule, detail }) => (
              <li key={rule}>{detail}</li>
            ))}
          </ul>
        </div>
      )}
    </div>
  );
}
