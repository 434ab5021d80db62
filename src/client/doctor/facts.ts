/**
 * What is known of the endpoint under examination: asked for once, shared by all checks.
 */
import { isLoopbackHost } from "../../config/values.ts";
import { EXIT, UserError } from "../../errors.ts";
import { readChallenge, type Challenge } from "../challenge.ts";
import type { Answer } from "../emulation/exchange.ts";
import { mcpRequest } from "../emulation/mcp-messages.ts";
import { createWire, type Wire } from "../emulation/wire.ts";
import { createWeb, type Web } from "../web.ts";
import { Missing } from "./finding.ts";

const WELL_KNOWN = "/.well-known/oauth-protected-resource";
/** In every request, whoever's it imitates: logs and the list of login attempts tell our visits from those of people. */
export const USER_AGENT = "mcp-gateway-doctor";

export interface ExamineOptions {
  url: string;
  /** An access token; without it only what strangers see is looked at. */
  token?: string | undefined;
  /** Seconds to wait for the first bytes of a stream. */
  streamPatience?: number;
  /** PEM, trusted besides the well-known ones. */
  certificates?: readonly string[];
}

type Json = Record<string, unknown>;

interface Document {
  answer: Answer;
  json: Json;
}

export interface Facts {
  readonly options: ExamineOptions;
  readonly web: Web;
  /** Without and with a slash at the end of the path. */
  readonly bare: URL;
  readonly slashed: URL;
  /** Only this machine can reach it: hosted clients and certificates are no matter. */
  readonly isLocal: boolean;
  readonly token: string | undefined;
  /** Sends as ourselves, and keeps every answer in `answers`. */
  readonly wire: Wire;
  readonly answers: readonly Answer[];
  /** A request without a token at this address, answered once and for all. */
  refused(url: URL): Promise<Answer>;
  /** The 401, wherever it is given. @throws Missing */
  refusal(): Promise<Answer>;
  /** The spelling of the address that is served. */
  place(): Promise<URL>;
  /** What it says. @throws Missing */
  challenge(): Promise<Challenge>;
  /** Where the metadata of the resource must be. */
  readonly resourceMetadataUrl: URL;
  /** @throws Missing */
  resource(): Promise<Document>;
  /** The issuer the resource names, and its metadata. @throws Missing */
  server(): Promise<Document & { issuer: string }>;
  /** An endpoint of the authorization server. @throws Missing */
  endpoint(name: string): Promise<URL>;
}

/** A request that needs a token, and changes nothing. */
export const QUESTION = mcpRequest({ id: 1, method: "ping" });

/** @throws UserError exit 2 when nobody could dial this */
export function dialled(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url && /^https?:$/.test(url.protocol) && url.username === "" && url.password === "") {
    return url;
  }
  throw new UserError(`${text} is no address of an MCP server`, {
    hint: "Write it as clients do: https://gw.example.com/files/mcp",
    exitCode: EXIT.usage,
  });
}

/** @throws UserError when the address cannot be dialled at all */
export async function createFacts(options: ExamineOptions): Promise<Facts> {
  const bare = dialled(options.url);
  bare.hash = "";
  bare.pathname = bare.pathname.replace(/\/+$/, "");
  const slashed = new URL(bare);
  slashed.pathname = `${bare.pathname.replace(/\/$/, "")}/`;
  const isLocal = isLoopbackHost(bare.hostname);
  const { certificates } = options;
  const web = await createWeb({
    endpoint: bare,
    allowHttp: bare.protocol === "http:",
    ...(certificates && { certificates }),
  });
  const answers: Answer[] = [];
  const plain = createWire(web, { headers: { "user-agent": USER_AGENT } });
  const wire: Wire = {
    ...plain,
    async ask(...request) {
      const answer = await plain.ask(...request);
      answers.push(answer);
      return answer;
    },
  };

  const known = new Map<string, Promise<unknown>>();
  const once = <T>(name: string, task: () => Promise<T>): Promise<T> => {
    const found = (known.get(name) as Promise<T> | undefined) ?? task();
    known.set(name, found);
    return found;
  };

  const facts: Facts = {
    options,
    web,
    bare,
    slashed,
    isLocal,
    token: options.token?.trim() || undefined,
    wire,
    answers,
    resourceMetadataUrl: new URL(`${WELL_KNOWN}${bare.pathname.replace(/\/$/, "")}`, bare),
    refused: (url) => once(`refused ${url.href}`, () => wire.ask("POST", url, QUESTION)),
    refusal: () =>
      once("refusal", async () => {
        for (const url of [bare, slashed]) {
          const answer = await facts.refused(url).catch(() => undefined);
          if (answer?.status === 401) return answer;
        }
        throw new Missing("no 401 to look at");
      }),
    place: () =>
      facts.refusal().then(
        ({ url }) => url,
        () => bare,
      ),
    challenge: async () => readChallenge((await facts.refusal()).headers["www-authenticate"]),
    resource: () =>
      once("resource", async () => {
        const { resourceMetadata } = await facts.challenge().catch((): Challenge => ({}));
        for (const url of [facts.resourceMetadataUrl.href, resourceMetadata]) {
          const found = url && (await documentAt(wire, onlyHttps(url)));
          if (found) return found;
        }
        throw new Missing("no metadata of the resource to look at");
      }),
    server: () =>
      once("server", async () => {
        const issuer = issuerOf((await facts.resource()).json);
        for (const url of metadataUrls(onlyHttps(issuer))) {
          const found = await documentAt(wire, url);
          if (found) return { ...found, issuer };
        }
        throw new Missing("no metadata of the authorization server to look at");
      }),
    endpoint: async (name) => {
      const { [name]: url } = (await facts.server()).json;
      if (typeof url !== "string") throw new Missing(`the metadata names no ${name}`);
      return new URL(onlyHttps(url));
    },
  };
  return facts;

  /** Metadata that says http for our own host is one mistake, reported once; the rest is looked at where it really is. */
  function onlyHttps(url: string): string {
    const own = `http://${bare.host}`;
    return bare.protocol === "https:" && url.startsWith(own) ? url.replace("http:", "https:") : url;
  }
}

/** @throws Missing */
export function issuerOf(json: Json): string {
  const [issuer] = (json["authorization_servers"] as unknown[] | undefined) ?? [];
  if (typeof issuer === "string" && URL.canParse(issuer)) return issuer;
  throw new Missing("the metadata of the resource names no authorization server");
}

/** Where the metadata of an issuer may be: RFC 8414 §3.1, then OpenID Connect Discovery §4. */
export function metadataUrls(issuer: string, name?: string): string[] {
  const { origin, pathname } = new URL(issuer);
  const path = pathname.replace(/\/$/, "");
  const names =
    name === undefined ? ["oauth-authorization-server", "openid-configuration"] : [name];
  const inserted = names.map((each) => `${origin}/.well-known/${each}${path}`);
  const appended = names.map((each) => `${origin}${path}/.well-known/${each}`);
  return [...new Set([...inserted, ...appended])];
}

async function documentAt(wire: Wire, url: string): Promise<Document | undefined> {
  const answer = await wire.ask("GET", url);
  const json = answer.status === 200 ? jsonOf(answer) : undefined;
  return json && { answer, json };
}

/** The JSON object in an answer. */
export function jsonOf({ text }: Answer): Json | undefined {
  try {
    const value = JSON.parse(text) as unknown;
    return typeof value === "object" && value !== null ? (value as Json) : undefined;
  } catch {
    return undefined;
  }
}

export function typeOf({ headers }: Answer): string {
  return (headers["content-type"] ?? "nothing").split(";")[0]!;
}
