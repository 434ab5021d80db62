/**
 * Records of passkeys (Web Authentication Level 3). None is a secret: the private half of the key stays in the person's device.
 */

/** One key of one account; it opens nothing unless the account names it. Key: SHA-256 of the credential id. */
export interface PasskeyRecord {
  account: string;
  /** The person's word for it, else its maker's. */
  label: string;
  /** As the device knows it, base64url. */
  credentialId: string;
  /** COSE (RFC 9052 §7), base64url. */
  publicKey: string;
  /** Signatures made so far; 0 for ever where a device does not count. */
  counter: number;
  createdAt: number;
  lastUsedAt?: number;
}

/** That a browser which has logged in may add a passkey. Key: that of its login session. */
export interface PasskeyChallengeRecord {
  /** Random; with the session's cookie it yields what the passkey has to sign. */
  nonce: string;
  /** Of the account, or one to become it. */
  userHandle: string;
}
