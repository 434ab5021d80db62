/**
 * Why a server elsewhere could not be asked, or did not answer as MCP has it. The reason is read by the operator and by
 * clients, so it names neither addresses nor anything the server wrote.
 */
import type { Outage } from "../outage.ts";

export class RemoteFailure extends Error {
  override readonly name = "RemoteFailure";
  readonly outage: Outage;
  /** For the log only: addresses, the system's own words. */
  readonly detail: string | undefined;
  /** Whether the same request would come to the same again. */
  readonly isPermanent: boolean;

  /** @param reason in words that follow "service NAME" */
  constructor(
    reason: string,
    outage: Outage = { status: 502 },
    detail?: string,
    isPermanent = false,
  ) {
    super(reason);
    this.isPermanent = isPermanent;
    this.outage = outage;
    this.detail = detail;
  }
}

/** It wants other credentials. */
export class CredentialsRefused extends RemoteFailure {
  constructor(status: 401 | 403) {
    const words = `refuses the gateway's own credentials (${status}); see its headers in the configuration`;
    super(words, { status: 502 }, undefined, true);
  }
}

const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "cannot be reached: connection refused",
  ECONNRESET: "closed the connection",
  EPIPE: "closed the connection",
  UND_ERR_SOCKET: "closed the connection",
  ENOTFOUND: "cannot be reached: its host name is unknown",
  EAI_AGAIN: "cannot be reached: its host name cannot be looked up",
  EHOSTUNREACH: "cannot be reached: no route to its host",
  ENETUNREACH: "cannot be reached: no route to its network",
  ETIMEDOUT: "cannot be reached: no answer",
  UND_ERR_CONNECT_TIMEOUT: "cannot be reached: no answer",
  UND_ERR_HEADERS_TIMEOUT: "did not answer in time",
  UND_ERR_BODY_TIMEOUT: "did not answer in time",
  UND_ERR_HEADERS_OVERFLOW: "sent headers that are too large",
  CERT_HAS_EXPIRED: "has a certificate that is expired",
  DEPTH_ZERO_SELF_SIGNED_CERT: "has a certificate that is not trusted",
  SELF_SIGNED_CERT_IN_CHAIN: "has a certificate that is not trusted",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "has a certificate that is not trusted",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "has a certificate that is not trusted",
  ERR_TLS_CERT_ALTNAME_INVALID: "has a certificate for another host",
};

const TIMEOUTS = new Set([
  "ETIMEDOUT",
  "UND_ERR_CONNECT_TIMEOUT",
  "UND_ERR_HEADERS_TIMEOUT",
  "UND_ERR_BODY_TIMEOUT",
]);

/** What a connection that broke, or never was, comes to. */
export function failureOf(error: unknown): RemoteFailure {
  if (error instanceof RemoteFailure) return error;
  const { code = "", message } = codeOf(error);
  const isParsing = code.startsWith("HPE_") || (error as Error).name === "HTTPParserError";
  const words = WORDS[code] ?? (isParsing ? "does not speak HTTP" : undefined);
  return new RemoteFailure(
    words ?? "cannot be reached",
    { status: TIMEOUTS.has(code) ? 504 : 502 },
    `${code} ${message}`.trim(),
  );
}

/** A name with several addresses fails with all their errors together. */
function codeOf(error: unknown): { code?: string; message: string } {
  const { code, message, errors } = error as NodeJS.ErrnoException & { errors?: unknown[] };
  if (Array.isArray(errors) && errors.length > 0) return codeOf(errors[0]);
  return code === undefined ? { message: message } : { code, message };
}

const LONGEST_WAIT = 3600; // seconds

/** What a status says that is no answer of MCP. @param headers lower-case names */
export function refusalOf(
  status: number,
  headers: Readonly<Record<string, string | string[] | undefined>>,
  now: number,
): RemoteFailure {
  if (status === 401 || status === 403) return new CredentialsRefused(status);
  const busy = status === 429 || status === 503;
  if (!busy) {
    const isPermanent = status === 500 || status === 501;
    return new RemoteFailure(
      `answered with status ${status}`,
      { status: 502 },
      undefined,
      isPermanent,
    );
  }
  const retryAfter = secondsOf(headers["retry-after"], now);
  const words = status === 429 ? "is asked too often" : "is not available";
  const later = retryAfter === undefined ? "" : `; try again in ${retryAfter} s`;
  return new RemoteFailure(
    `${words} (${status})${later}`,
    retryAfter === undefined ? { status } : { status, retryAfter },
  );
}

/** `Retry-After`, RFC 9110 §10.2.3: seconds or a date. */
function secondsOf(value: string | string[] | undefined, now: number): number | undefined {
  if (typeof value !== "string") return undefined;
  const seconds = /^\d{1,9}$/.test(value) ? Number(value) : Date.parse(value) / 1000 - now;
  if (!Number.isFinite(seconds)) return undefined;
  return Math.min(Math.max(1, Math.ceil(seconds)), LONGEST_WAIT);
}
