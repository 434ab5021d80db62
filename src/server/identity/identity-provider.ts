/**
 * Who tells us which human it is. A login is two steps, with the person away in between: `begin` says where to send the
 * browser or what to ask on our own login page, `finish` reads what came back.
 *
 * Providers keep nothing between the steps: what they must remember is `pending`, stored by us with the interaction and
 * bound to the browser. `state` in `LoginRequest` is what the answer must carry; comparing it is our work, not theirs.
 */
import type { Identity, LoginForm, PendingLogin } from "../../auth-info.ts";
import { OAuthError } from "../../errors.ts";

interface LoginRequest {
  /** Where the answer must arrive: `<issuer>/callback/<name>`. */
  callback: URL;
  /** Unguessable; the provider returns it unchanged. */
  state: string;
  /** The person wants to come as somebody else than last time: they are to be asked, even if still logged in there. */
  asOther?: boolean;
}

export type LoginStep =
  | { location: URL; pending: PendingLogin }
  | { form: LoginForm; pending: PendingLogin };

export interface IdentityProvider {
  /** The configured name, first half of every subject. */
  readonly name: string;
  /** @throws OAuthError with the status of a provider's failure */
  begin(login: LoginRequest): Promise<LoginStep>;
  /**
   * @param callback the URL the browser came back to; a form's fields are its query parameters
   * @throws OAuthError access_denied when the person said no or the answer does not fit `pending`; its description is
   *   shown to the person. With the status of a provider's failure when it is not the person's doing
   */
  finish(callback: URL, pending: PendingLogin): Promise<Identity>;
}

/** The gateway's own accounts, as far as a provider may know them. */
export interface AccountDirectory {
  /**
   * @returns the account, when the password is its own
   * @throws OAuthError temporarily_unavailable when too many log in at once
   */
  verify(name: string, password: string): Promise<KnownAccount | undefined>;
  /** Absent when this gateway takes none. */
  passkeys?: {
    /** The host name they belong to. */
    rpId: string;
    /**
     * @param answer what the browser brought, JSON @param challenge what it had to sign
     * @throws OAuthError access_denied
     */
    verify(answer: string, challenge: string): Promise<KnownAccount>;
  };
}

interface KnownAccount {
  name: string;
  fullName?: string;
  email?: string;
  /** Which of its accesses it was. */
  credential: string;
}

/** The status that tells a provider in trouble from everything else: the same login may work a moment later. */
export const PROVIDER_FAILED = 502;

export function isProviderFailure(error: unknown): error is OAuthError {
  return error instanceof OAuthError && error.status === PROVIDER_FAILED;
}
