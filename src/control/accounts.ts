/**
 * What the control API says about the gateway's own accounts. Times are seconds since the epoch. `GivenAccess.invitation.url`
 * is a secret, shown once.
 */

export interface AccountSummary {
  name: string;
  /** What allow rules and tokens call the person. */
  subject: string;
  fullName?: string;
  email?: string;
  createdAt: number;
  /** invited: no password yet; expired: the link has run out, too. */
  state: "active" | "invited" | "expired";
  invitedUntil?: number;
  /** Whether identity.allow lets the person in. */
  isAllowed: boolean;
  /** How many are alive. */
  grants: number;
  passkeys: number;
}

export interface AddAccount {
  name: string;
  fullName?: string | undefined;
  email?: string | undefined;
  /** Instead of an invitation. */
  password?: string | undefined;
}

export interface ResetAccount {
  /** Instead of an invitation. */
  password?: string | undefined;
  /** Whether everything the person allowed ends as well. */
  endGrants?: boolean | undefined;
}

export interface GivenAccess extends AccountSummary {
  /** The link at which the person sets a password; only here and never again. */
  invitation?: { url: string; expiresAt: number };
  ended: Ended;
}

export interface RemovedAccount {
  name: string;
  ended: Ended;
}

/** How many ended. */
export interface Ended {
  grants: number;
  accessTokens: number;
  sessions: number;
}
