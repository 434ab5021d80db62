/**
 * From a request to a step of a login attempt: whatever strangers wrote is cut, made printable, and cleaned of all that
 * may be a secret.
 */
import type { IncomingMessage } from "node:http";
import type { AttemptStep } from "../../control/attempts.ts";
import type { Config } from "../../config.ts";
import type { OAuthError } from "../../errors.ts";
import { redact } from "../../log.ts";
import { sourceAddress } from "../source-address.ts";
import { trustedProxies } from "../trusted-proxies.ts";

/** What the place where it happened knows of it. */
export type Noted = Omit<AttemptStep, "at" | "times" | "source" | "userAgent" | "possibly">;

const LONGEST = 300; // characters of one member

/** What came with the request itself. */
export function describeRequest(
  config: Pick<Config, "trustedProxies">,
  request: IncomingMessage,
): Pick<AttemptStep, "source" | "userAgent" | "request"> {
  const agent = request.headers["user-agent"];
  const { method, path } = askedFor(request);
  return {
    source: sourceAddress(config, request),
    request: `${method} ${path}`,
    ...(agent !== undefined && { userAgent: agent }),
  };
}

/**
 * The URL a client has dialled, as far as a trusted proxy or the request itself tells.
 * @returns undefined when it is `expected`
 */
export function dialledUrl(
  config: Pick<Config, "trustedProxies" | "publicUrl">,
  request: IncomingMessage,
  expected: string,
): { dialled: string } | undefined {
  const { headers, socket } = request;
  const isProxied = trustedProxies(config.trustedProxies)(socket.remoteAddress);
  const forwarded = (name: string): string | undefined => {
    const value = isProxied ? headers[name] : undefined;
    return typeof value === "string" ? value.split(",", 1)[0] : undefined;
  };
  const scheme = forwarded("x-forwarded-proto") ?? new URL(config.publicUrl).protocol.slice(0, -1);
  const host = askedFor(request).isForwarded ? forwarded("x-forwarded-host") : headers.host;
  const dialled = `${scheme}://${host ?? ""}${askedFor(request).path}`;
  return dialled === expected ? undefined : { dialled };
}

/** What the client itself asked for: `/verify` is the proxy's question. */
function askedFor({ method = "", url = "", headers }: IncomingMessage): {
  method: string;
  path: string;
  isForwarded: boolean;
} {
  const isForwarded = url.split("?", 1)[0] === "/verify";
  const asked = isForwarded ? String(headers["x-forwarded-uri"] ?? "") : url;
  return {
    method: isForwarded ? String(headers["x-forwarded-method"] ?? "") : method,
    path: asked.split("?", 1)[0]!,
    isForwarded,
  };
}

/** How a refusal looks in a trace: what the log would be told. */
export function describeError({
  status,
  code,
  detail,
  message,
}: OAuthError): Pick<AttemptStep, "status" | "error" | "detail"> {
  return { status, error: code, detail: detail ?? message };
}

/** The same step with every text fit to be kept and shown. */
export function cleaned<T extends Partial<AttemptStep>>(step: T): T {
  const result: Partial<Record<keyof T, unknown>> = {};
  for (const name in step) {
    const value = step[name];
    if (value !== undefined) result[name] = typeof value === "string" ? clean(value) : value;
  }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the members are those of `step`
  return result as T;
}

/** The same few texts come again and again. */
const known = new Map<string, string>();
const MOST_KNOWN = 1000;

function clean(text: string): string {
  if (text.length > LONGEST) return cleanAnew(text);
  const before = known.get(text);
  if (before !== undefined) return before;
  if (known.size >= MOST_KNOWN) known.clear();
  const cleanText = cleanAnew(text);
  known.set(text, cleanText);
  return cleanText;
}

/** As long as our secrets and made of their characters: it may be one that somebody put in a wrong place. */
function cleanAnew(text: string): string {
  return redact(text.slice(0, 2 * LONGEST))
    .replaceAll(/[\w-]{43,}/g, "[redacted]")
    .replaceAll(/[^\x20-\x7e\p{L}\p{N}\p{P}\p{S}]/gu, "?")
    .slice(0, LONGEST);
}
