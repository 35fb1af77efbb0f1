import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { AppError } from '../errors/app-error.ts';

const CIPHER = 'aes-256-gcm';
const KEY_BYTES = 32;
/** What GCM is made for (NIST SP 800-38D); random ones do for 2³² texts a key. */
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const VERSION = 'v1';
const KEY_ID_DIGITS = 8;

/** Seals text with one key: who has it reads the text and sees whether it was changed. */
export class SecretBox {
  private readonly key: Uint8Array;
  /** Tells keys apart, and nothing else about them. */
  private readonly keyId: string;

  /**
   * @param key 32 random bytes
   * @throws RangeError when they are not 32
   */
  constructor(key: Uint8Array) {
    if (key.byteLength !== KEY_BYTES) {
      throw new RangeError(`a key for secrets has ${KEY_BYTES} bytes, not ${key.byteLength}`);
    }
    this.key = Uint8Array.from(key);
    this.keyId = createHash('sha256')
      .update('key id\0')
      .update(this.key)
      .digest('hex')
      .slice(0, KEY_ID_DIGITS);
  }

  /** @returns `v1.KEYID.DATA`; the data is nonce, ciphertext and tag in base64url. No two are alike. */
  seal(text: string): string {
    const head = `${VERSION}.${this.keyId}`;
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(CIPHER, this.key, nonce, { authTagLength: TAG_BYTES }).setAAD(
      Buffer.from(head),
    );
    const data = Buffer.concat([nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]);
    return `${head}.${data.toString('base64url')}`;
  }

  /** @throws AppError SECRETS_KEY_MISMATCH, SECRETS_DAMAGED */
  open(sealed: string): string {
    const [version, keyId, encoded, ...rest] = sealed.split('.');
    const data = Buffer.from(encoded ?? '', 'base64url');
    if (version !== VERSION || !keyId || rest.length > 0 || data.byteLength < NONCE_BYTES + TAG_BYTES) {
      throw damaged();
    }
    if (keyId !== this.keyId) {
      throw new AppError(
        'SECRETS_KEY_MISMATCH',
        `The secret was sealed with key ${keyId}; this service has key ${this.keyId}. Processes that share jobs need ` +
          'the same SECRETS_KEY.',
        { sealed_with: keyId, key: this.keyId },
      );
    }
    const decipher = createDecipheriv(CIPHER, this.key, data.subarray(0, NONCE_BYTES), {
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
}

const damaged = (): AppError =>
  new AppError(
    'SECRETS_DAMAGED',
    'The sealed secret is not what the service wrote; the request has to be sent again.',
  );
