/**
 * Three kinds of failure, told apart by class and nothing else:
 *
 * - `OAuthError`: the other party broke a rule of a specification. They see it on the wire.
 * - `UserError`: the operator can repair it. They see one sentence and the next step in the terminal.
 * - anything else: our bug or the machine's failure. The log sees it with its stack; the wire sees `server_error`.
 */

/** Every error code we put on the wire, its HTTP status and where it is defined. */
export const OAUTH_ERRORS = {
  invalid_request: { status: 400, spec: "RFC 6749 §5.2" },
  invalid_client: { status: 401, spec: "RFC 6749 §5.2" },
  invalid_grant: { status: 400, spec: "RFC 6749 §5.2" },
  unauthorized_client: { status: 400, spec: "RFC 6749 §5.2" },
  unsupported_grant_type: { status: 400, spec: "RFC 6749 §5.2" },
  invalid_scope: { status: 400, spec: "RFC 6749 §5.2" },
  unsupported_response_type: { status: 400, spec: "RFC 6749 §4.1.2.1" },
  access_denied: { status: 403, spec: "RFC 6749 §4.1.2.1" },
  server_error: { status: 500, spec: "RFC 6749 §4.1.2.1" },
  temporarily_unavailable: { status: 503, spec: "RFC 6749 §4.1.2.1" },
  invalid_target: { status: 400, spec: "RFC 8707 §2" },
  authorization_pending: { status: 400, spec: "RFC 8628 §3.5" },
  slow_down: { status: 400, spec: "RFC 8628 §3.5" },
  expired_token: { status: 400, spec: "RFC 8628 §3.5" },
  invalid_dpop_proof: { status: 400, spec: "RFC 9449 §5" },
  use_dpop_nonce: { status: 400, spec: "RFC 9449 §8" },
  invalid_redirect_uri: { status: 400, spec: "RFC 7591 §3.2.2" },
  invalid_client_metadata: { status: 400, spec: "RFC 7591 §3.2.2" },
  invalid_token: { status: 401, spec: "RFC 6750 §3.1" },
  insufficient_scope: { status: 403, spec: "RFC 6750 §3.1" },
  login_required: { status: 400, spec: "OpenID Connect Core §3.1.2.6" },
  consent_required: { status: 400, spec: "OpenID Connect Core §3.1.2.6" },
  request_not_supported: { status: 400, spec: "OpenID Connect Core §3.1.2.6" },
  request_uri_not_supported: { status: 400, spec: "OpenID Connect Core §3.1.2.6" },
} as const satisfies Record<string, { status: number; spec: string }>;

export type OAuthErrorCode = keyof typeof OAUTH_ERRORS;

export class OAuthError extends Error {
  override readonly name = "OAuthError";
  readonly code: OAuthErrorCode;
  /** HTTP status. */
  readonly status: number;
  /** For our log only: what would help an attacker if the client saw it. */
  readonly detail: string | undefined;
  /** Seconds after which the same request may succeed. */
  readonly retryAfter: number | undefined;

  /**
   * @param description for the client's developer: no secrets, no ids of others, only the characters RFC 6749 §5.2
   *   allows (no double quote, no backslash, ASCII)
   * @param options.status when this place in the protocol wants another status than the table's
   */
  constructor(
    code: OAuthErrorCode,
    description: string,
    options: { detail?: string; cause?: unknown; status?: number; retryAfter?: number } = {},
  ) {
    super(description.replaceAll(/[^\x20-\x7e]|["\\]/g, "'"), { cause: options.cause });
    this.code = code;
    this.status = options.status ?? OAUTH_ERRORS[code].status;
    this.detail = options.detail;
    this.retryAfter = options.retryAfter ?? (this.status === 503 ? RETRY_AFTER : undefined);
  }

  /** The error body of RFC 6749 §5.2. */
  toJSON(): { error: OAuthErrorCode; error_description: string } {
    return { error: this.code, error_description: this.message };
  }
}

/** Exit codes of every command. */
export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  notRunning: 3,
  notAuthorised: 4,
  bug: 70,
  interrupted: 130,
} as const;

export class UserError extends Error {
  override readonly name = "UserError";
  /** What to do next: a sentence or a command line. */
  readonly hint: string | undefined;
  readonly exitCode: number;

  constructor(
    message: string,
    options: { hint?: string; exitCode?: number; cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause });
    this.hint = options.hint;
    this.exitCode = options.exitCode ?? EXIT.failed;
  }
}

/**
 * What a stranger is told while only the operator can help (a full disk, a store out of reach): come back later. The log
 * has the reason and the next step.
 */
export function temporarilyUnavailable(reason: UserError): OAuthError {
  return new OAuthError("temporarily_unavailable", "The gateway cannot do this at the moment", {
    detail: `${reason.message} ${reason.hint ?? ""}`.trim(),
    cause: reason,
  });
}

/** Seconds after which a client may try again what was temporarily unavailable. */
export const RETRY_AFTER = 10;

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
