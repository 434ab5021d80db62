/**
 * Login attempts as the control API shows them: what a client did on its way from the first 401 to its first call, and
 * what that means. Times are seconds since the epoch, with fractions. Nothing here is a secret.
 */

/** What happened, in the order in which a login that succeeds has it. */
export type StepName =
  /** A call without a token, answered with the way to one. */
  | "mcp.unauthorized"
  | "metadata.resource"
  | "metadata.server"
  | "registration"
  /** The document at the client's id was fetched, or could not be. */
  | "client.document"
  | "authorize"
  | "login.begun"
  | "login.finished"
  | "login.failed"
  /** It is known who it is, and no rule lets that person in. */
  | "login.refused"
  | "consent.shown"
  | "consent.given"
  | "consent.denied"
  | "code.issued"
  | "token.issued"
  | "token.refused"
  | "token.refreshed"
  | "call.first"
  | "call.refused"
  /** Something was asked for at a host or a path where there is nothing. */
  | "path.unknown"
  | "host.unknown";

export interface AttemptStep {
  /** When it happened; of equal steps in a row, the last of them. */
  at: number;
  what: StepName;
  /** How many equal ones there were; absent for one. */
  times?: number;
  /** HTTP status of the answer, where that says something. */
  status?: number;
  /** Error code on the wire. */
  error?: string;
  /** Why, for the operator: more than the client was told. */
  detail?: string;
  /** `POST /files/mcp`, as it was asked for. */
  request?: string;
  /** Address it came from. */
  source?: string;
  userAgent?: string;
  clientId?: string;
  clientName?: string;
  /** Resource URI it was about, in our spelling. */
  resource?: string;
  /** The URL that was dialled, when that is another one than `resource`. */
  dialled?: string;
  subject?: string;
  grantId?: string;
  /** Names an authorization request without opening it. */
  interaction?: string;
  /** It belongs here probably: somebody else came from the same address at the same time. */
  possibly?: true;
}

export type AttemptState = "running" | "succeeded" | "failed" | "stopped";

export interface Verdict {
  state: AttemptState;
  /** Stable id of the rule that decided. */
  verdict: string;
  /** One sentence: what happened. */
  why: string;
  /** What the operator can do; absent when there is nothing to do. */
  fix?: string;
}

export interface AttemptSummary extends Verdict {
  id: string;
  startedAt: number;
  lastAt: number;
  clientId?: string;
  clientName?: string;
  resource?: string;
  subject?: string;
  /** Where the client comes from; the person's browser may come from elsewhere. */
  source?: string;
  userAgent?: string;
  /** Some steps may be somebody else's. */
  possibly?: true;
}

export interface Attempt extends AttemptSummary {
  steps: AttemptStep[];
}

/** What `GET /attempts` can be asked for. */
export interface AttemptFilter {
  /** Client id, the beginning of one, or a client's name. */
  client?: string | undefined;
  state?: AttemptState | undefined;
  /** At most so many, the newest of them. */
  limit?: number | undefined;
  /** Only what went on after this time. */
  since?: number | undefined;
}
