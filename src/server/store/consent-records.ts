/**
 * Records of what people have allowed, and of their way to pages of ours.
 */
import type { Identity, LoginForm, PendingLogin } from "../../auth-info.ts";

/** How far somebody has come with the login, in one browser. */
export interface LoginProgress {
  /** Random; with the interaction's cookie it yields what our forms must carry (RFC 6749 §10.12). Renewed at login. */
  csrf: string;
  /** Set while the person is with an identity provider, or at the form of one that has no page of its own. */
  login?: {
    provider: string;
    pending: PendingLogin;
    /** SHA-256 of the state its answer must carry. */
    state: string;
    form?: LoginForm;
  };
  /** Set once the person is known. */
  identity?: Identity;
}

/** A person on the way to a page of ours: a login for which no client asks. */
export interface VisitRecord extends LoginProgress {
  /** The page, as a path below the issuer's. */
  page: string;
}

/** That a person has allowed a client something, and need not be asked again. See oauth/remembered-consent.ts. */
export interface ConsentRecord {
  subject: string;
  clientId: string;
  resource: string;
  scopes: string[];
  /** Digest of what the page said of the client, the origin of its redirect URI included. */
  shown: string;
  /** The last time the person was asked. */
  givenAt: number;
}
