import { type S3Server, startMoto } from './s3-servers.ts';

/** Requests that moto accepts before it checks credentials: the bucket and the three below. */
const OPEN_REQUESTS = 4;

/** moto with checks of signatures and policies, and the keys of a user with the permissions of the policy. */
export async function startMotoWithPolicy(policy: string): Promise<S3Server> {
  const server = await startMoto({ INITIAL_NO_AUTH_ACTION_COUNT: String(OPEN_REQUESTS) });
  const iam = async (Action: string, parameters: Record<string, string> = {}): Promise<string> => {
    const response = await fetch(server.url, {
      method: 'POST',
      // moto reads the service from the scope of the signature.
      headers: {
        authorization:
          'AWS4-HMAC-SHA256 Credential=x/20250101/us-east-1/iam/aws4_request, SignedHeaders=host, Signature=0',
      },
      body: new URLSearchParams({ Action, UserName: 'service', Version: '2010-05-08', ...parameters }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${Action}: ${response.status} ${text}`);
    return text;
  };
  await iam('CreateUser');
  const key = await iam('CreateAccessKey');
  await iam('PutUserPolicy', { PolicyName: 'storage', PolicyDocument: policy });
  const field = (name: string): string => new RegExp(`<${name}>([^<]+)<`).exec(key)![1]!;
  return {
    ...server,
    env: {
      ...server.env,
      AWS_ACCESS_KEY_ID: field('AccessKeyId'),
      AWS_SECRET_ACCESS_KEY: field('SecretAccessKey'),
    },
  };
}
