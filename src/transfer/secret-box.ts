import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { AppError } from '../errors/app-error.ts';

const CIPHER = 'aes-256-gcm';
const KEY_BYTES = 32;
/** The nonce size that GCM is designed for (NIST SP 800-38D); random nonces suffice for 2³² texts per key. */
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const VERSION = 'v1';
const KEY_ID_DIGITS = 8;
const ENCRYPTED = /^v1\.([0-9a-f]{8})\./;

/** One key or several: the first one encrypts, all of them decrypt. A function returns the current keys. */
export type Keys = Uint8Array | (() => readonly Uint8Array[]);

/**
 * @param what is encrypted, for the message
 * @throws AppError SECRETS_UNAVAILABLE if there is no box
 */
export function requireBox(box: SecretBox | undefined, what: string): SecretBox {
  if (box) return box;
  throw new AppError('SECRETS_UNAVAILABLE', `The service has no key to encrypt ${what}; set SECRETS_KEYS.`);
}

/** Encrypts text. With the key, the text can be read and changes to it are detected. */
export class SecretBox {
  private readonly keys: () => readonly Uint8Array[];
  private ring: { readonly of: readonly Uint8Array[]; readonly keys: ReadonlyMap<string, Uint8Array> };

  /**
   * @param keys at least one, of 32 random bytes each
   * @throws RangeError if a key has another length
   */
  constructor(keys: Keys) {
    const single = typeof keys === 'function' ? undefined : [Uint8Array.from(keys)];
    this.keys = single ? () => single : (keys as () => readonly Uint8Array[]);
    this.ring = ringOf(this.keys());
  }

  /** Ids of the keys, which reveal nothing else about them; the first one encrypts. */
  get keyIds(): readonly string[] {
    return [...this.now().keys()];
  }

  /** @returns `v1.KEYID.DATA`; the data is nonce, ciphertext and tag in base64url. Each result is different. */
  encrypt(text: string): string {
    const [[keyId, key]] = this.now() as unknown as [[string, Uint8Array]];
    const head = `${VERSION}.${keyId}`;
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES }).setAAD(Buffer.from(head));
    const data = Buffer.concat([nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]);
    return `${head}.${data.toString('base64url')}`;
  }

  /** @throws AppError SECRETS_KEY_MISMATCH, SECRETS_DAMAGED */
  decrypt(encrypted: string): string {
    const [version, keyId, encoded, ...rest] = encrypted.split('.');
    const data = Buffer.from(encoded ?? '', 'base64url');
    if (version !== VERSION || !keyId || rest.length > 0 || data.byteLength < NONCE_BYTES + TAG_BYTES) {
      throw damaged();
    }
    const key = this.now().get(keyId);
    if (!key) throw mismatch(keyId, this.keyIds);
    const decipher = createDecipheriv(CIPHER, key, data.subarray(0, NONCE_BYTES), {
      authTagLength: TAG_BYTES,
    })
      .setAAD(Buffer.from(`${version}.${keyId}`))
      .setAuthTag(data.subarray(-TAG_BYTES));
    try {
      return (
        decipher.update(data.subarray(NONCE_BYTES, -TAG_BYTES), undefined, 'utf8') + decipher.final('utf8')
      );
    } catch {
      throw damaged();
    }
  }

  private now(): ReadonlyMap<string, Uint8Array> {
    const keys = this.keys();
    if (keys !== this.ring.of) this.ring = ringOf(keys);
    return this.ring.keys;
  }
}

/** The id of the key with which a text was encrypted; undefined if it is not an encrypted text. */
export const encryptedWith = (encrypted: string): string | undefined => ENCRYPTED.exec(encrypted)?.[1];

function ringOf(keys: readonly Uint8Array[]) {
  const wrong = keys.find(({ byteLength }) => byteLength !== KEY_BYTES);
  if (wrong) throw new RangeError(`a key for secrets has ${KEY_BYTES} bytes, not ${wrong.byteLength}`);
  return { of: keys, keys: new Map(keys.map((key) => [keyIdOf(key), key])) };
}

const keyIdOf = (key: Uint8Array): string =>
  createHash('sha256').update('key id\0').update(key).digest('hex').slice(0, KEY_ID_DIGITS);

const mismatch = (encryptedWith: string, keys: readonly string[]): AppError =>
  new AppError(
    'SECRETS_KEY_MISMATCH',
    `The secret was encrypted with key ${encryptedWith}; this service has ${keys.length === 1 ? 'key' : 'the keys'} ` +
      `${keys.join(', ')}. Processes that share jobs need the same SECRETS_KEYS.`,
    { encrypted_with: encryptedWith, keys },
  );

const damaged = (): AppError =>
  new AppError(
    'SECRETS_DAMAGED',
    'The encrypted secret has been changed or damaged; send the request again.',
  );
