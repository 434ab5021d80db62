/**
 * Records of the gateway's own accounts.
 */

/** A person to whom the operator gave an account. Key: the name. */
export interface AccountRecord {
  name: string;
  /** Display only. */
  fullName?: string;
  /** Set by the operator, who vouches for it. */
  email?: string;
  createdAt: number;
  /** Random, another one whenever the password changes or is taken away: logins made with the one before are over. */
  credential: string;
  /** Absent until the person has set one. */
  password?: PasswordHash;
  /** Key of the only invitation that works, and its end. */
  invitation?: { id: string; expiresAt: number };
  /** Absent without any. Each change of them is one of the account, so what removes the account removes all of them. */
  passkeys?: {
    /** By which devices know the person: random, says nothing about who it is (WebAuthn §14.6.1). */
    userHandle: string;
    /** Keys of their records, oldest first. */
    ids: string[];
  };
}

/** A password under scrypt (RFC 7914), with all it takes to compute it again. */
export interface PasswordHash {
  algorithm: "scrypt";
  /** N, r and p. */
  cost: number;
  blockSize: number;
  parallelization: number;
  salt: string;
  /** 256 bits, base64url. */
  hash: string;
}

/** Who has the link may set the password of this account, once. */
export interface InvitationRecord {
  account: string;
}
