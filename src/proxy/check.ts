/**
 * Whether the reverse proxy does what was planned, asked from outside as a stranger would: each MCP endpoint wants a token and
 * says where to get one, documents can be read, and what is not for outside is not there.
 */
import type { Config } from "../config.ts";
import { basePath, endpointsOf } from "../config/endpoints.ts";
import { messageOf } from "../errors.ts";
import { isAdminReachable, planProxy } from "./plan.ts";

/** One question, and what came of it. */
export interface Finding {
  readonly what: string;
  readonly url: string;
  readonly isGood: boolean;
  /** What is wrong; absent where it is as planned. */
  readonly problem?: string;
}

/** What both Node's own `Response` and undici's have. */
interface Answer {
  readonly ok: boolean;
  readonly status: number;
  readonly headers: { get(name: string): string | null };
  readonly bodyUsed: boolean;
  readonly body: { cancel(): Promise<void> } | null;
  json(): Promise<unknown>;
  text(): Promise<string>;
}

export type Fetch = (url: string, init: RequestInit) => Promise<Answer>;

/** A question, and what is wrong with an answer; undefined when nothing is. */
export interface Question {
  readonly what: string;
  readonly url: string;
  readonly init?: RequestInit;
  readonly judge: (response: Answer) => Promise<string | undefined> | string | undefined;
}

const TIME = 10_000; // ms for one answer to begin

export const MCP_HEADERS = {
  accept: "application/json, text/event-stream",
  "content-type": "application/json",
};

export function questions(config: Config): Question[] {
  const plan = planProxy(config);
  const { protocol, origin, hostname } = plan.publicUrl;
  const ours = plan.routes.filter(({ what }) => what !== "redirect" && what !== "dashboard");
  const hosts = [...new Set(ours.flatMap((route) => route.hosts))];
  const port = plan.publicUrl.port === "" ? "" : `:${plan.publicUrl.port}`;
  const hidden = [
    "/verify",
    "/metrics",
    "/readyz",
    ...(isAdminReachable(config) ? [] : ["/admin"]),
  ];
  return [
    ...endpointsOf(config).flatMap(({ origin: at, path }) => endpointQuestions(at, path)),
    issuerQuestion(config, origin),
    ...hosts.flatMap((host) => {
      const absent = host === hostname ? hidden : [...hidden, "/authorize", "/token"];
      return absent.map((path) => absence(`${protocol}//${host}${port}${path}`));
    }),
    ...(plan.isSecure ? hosts.map((host) => redirection(host, port)) : []),
  ];
}

/** @returns one finding for each question, in their order */
export async function ask(all: readonly Question[], fetch: Fetch): Promise<Finding[]> {
  return Promise.all(
    all.map(async ({ what, url, init, judge }): Promise<Finding> => {
      const problem = await answerTo(fetch, url, init, judge);
      return {
        what,
        url,
        isGood: problem === undefined,
        ...(problem !== undefined && { problem }),
      };
    }),
  );
}

async function answerTo(
  fetch: Fetch,
  url: string,
  init: RequestInit | undefined,
  judge: Question["judge"],
): Promise<string | undefined> {
  try {
    const signal = AbortSignal.timeout(TIME);
    const response = await fetch(url, { redirect: "manual", signal, ...init });
    const problem = await judge(response);
    if (!response.bodyUsed) await response.body?.cancel();
    return problem;
  } catch (error) {
    const { cause } = error as { cause?: unknown };
    return messageOf(cause ?? error);
  }
}

function endpointQuestions(origin: string, path: string): Question[] {
  const metadata = `${origin}/.well-known/oauth-protected-resource${path}`;
  const init = {
    method: "POST",
    headers: MCP_HEADERS,
    body: '{"jsonrpc":"2.0","id":1,"method":"ping"}',
  };
  const judge = (response: Answer): string | undefined => {
    if (response.status !== 401) return `answered ${response.status}, not 401`;
    const challenge = response.headers.get("www-authenticate") ?? "";
    return challenge.includes(`resource_metadata="${metadata}"`)
      ? undefined
      : `the challenge does not lead to ${metadata}`;
  };
  const preflight = {
    method: "OPTIONS",
    headers: {
      origin: "https://claude.ai",
      "access-control-request-method": "POST",
      "access-control-request-headers": "authorization, content-type",
    },
  };
  return [
    { what: "wants a token", url: `${origin}${path}`, init, judge },
    { what: "wants a token", url: `${origin}${path}/`, init, judge },
    {
      what: "says where to log in",
      url: metadata,
      judge: (response) => hasMember(response, "resource", `${origin}${path}`),
    },
    {
      what: "may be called by pages",
      url: `${origin}${path}`,
      init: preflight,
      judge: ({ ok, status, headers }) => {
        const allowed = headers.get("access-control-allow-headers") ?? "";
        if (!ok) return `answered ${status}`;
        return /\bauthorization\b/i.test(allowed) ? undefined : "does not allow Authorization";
      },
    },
  ];
}

function issuerQuestion(config: Config, origin: string): Question {
  return {
    what: "describes the authorization server",
    url: `${origin}/.well-known/oauth-authorization-server${basePath(config)}`,
    judge: (response) => hasMember(response, "issuer", config.publicUrl),
  };
}

async function hasMember(
  response: Answer,
  name: string,
  value: string,
): Promise<string | undefined> {
  if (response.status !== 200) return `answered ${response.status}, not 200`;
  const document = (await response.json()) as Record<string, unknown>;
  return document[name] === value ? undefined : `${name} is ${String(document[name])}`;
}

function absence(url: string): Question {
  return {
    what: "cannot be reached",
    url,
    judge: ({ status }) => (status === 404 ? undefined : `answered ${status}, not 404`),
  };
}

function redirection(host: string, port: string): Question {
  const target = `https://${host}${port}/mcp`;
  return {
    what: "leads to https",
    url: `http://${host}/mcp`,
    judge: ({ status, headers }) => {
      const location = headers.get("location");
      const isMoved = [301, 302, 307, 308].includes(status);
      return isMoved && location === target
        ? undefined
        : `answered ${status}${location === null ? "" : ` to ${location}`}`;
    },
  };
}
