/**
 * Fetch a JSON document from an address a stranger has named (client metadata documents, their key sets) without becoming the
 * stranger's hand inside our network: draft-ietf-oauth-client-id-metadata-document §6, RFC 6890.
 *
 * Order: URL -> a free slot -> addresses, asked for once -> all of them checked -> one connection, to these addresses and no
 * others, so that a second answer of the DNS cannot change anything (rebinding) -> status 200 and JSON -> bounded body. A
 * refused address never sees a packet. Redirects are not followed, nothing is decompressed, no connection is kept, no
 * proxy of the environment is used, and certificates are always verified.
 *
 * The DNS is asked directly and not through the system's resolver, because that occupies one of Node's few threads until it
 * has an answer, and a stranger's name server may take its time while our disk writes wait for the same threads. So
 * /etc/hosts is not read.
 */
import { Resolver } from "node:dns/promises";
import { isIP, type LookupFunction } from "node:net";
import { connect, rootCertificates } from "node:tls";
import { Client, type buildConnector, type Dispatcher } from "undici";
import type { Clock } from "../clock.ts";
import { isLoopbackHost } from "../config.ts";
import { messageOf } from "../errors.ts";
import { isSpecialAddress, isSpecialName } from "./special-addresses.ts";

/** Never rejects: a stranger's document that cannot be had is an ordinary thing. @param options.bytes largest body */
export type GuardedFetch = (url: string, options: { bytes: number }) => Promise<Fetched>;

export type Fetched = FetchedDocument | NotFetched;

interface FetchedDocument {
  isFetched: true;
  /** The body, strict UTF-8, a byte order mark not removed. */
  text: string;
  /** Lower-case names. */
  headers: Readonly<Record<string, string | string[] | undefined>>;
}

export interface NotFetched {
  isFetched: false;
  /** For our log only: it would tell a stranger what answers where. */
  reason: string;
  /** The other side says that the document was removed for good (410). */
  isGone: boolean;
  /** We did not even try, because too much is under way. */
  isBusy: boolean;
}

export interface GuardedFetchSettings {
  clock: Clock;
  /** Development: the gateway is itself on loopback, so loopback may be fetched from, by its plain names. */
  mayLoopback: boolean;
  /** PEM, trusted besides the well-known ones. */
  certificates?: readonly string[];
  /** Addresses of a name. */
  resolve?: Resolve;
}

type Resolve = (hostname: string, signal: AbortSignal) => Promise<string[]>;

const TIME = 5; // seconds, everything included
const MOST_AT_ONCE = 16;
const MOST_PER_HOST = 4;
const MAX_HEADER = 8192; // bytes

export function createGuardedFetch(settings: GuardedFetchSettings): GuardedFetch {
  const { clock } = settings;
  const running = new Map<string, number>();
  let total = 0;

  return async (text, { bytes }) => {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    if (url?.protocol !== "https:" || url.username !== "" || url.password !== "") {
      return notFetched("not an https URL");
    }
    const count = running.get(url.host) ?? 0;
    if (total >= MOST_AT_ONCE || count >= MOST_PER_HOST) {
      return { ...notFetched("too many fetches at once"), isBusy: true };
    }
    total += 1;
    running.set(url.host, count + 1);
    const controller = new AbortController();
    const cancel = clock.after(TIME, () => controller.abort(new Error(`took over ${TIME} s`)));
    try {
      const addresses = await addressesOf(url, settings, controller.signal);
      return typeof addresses === "string"
        ? notFetched(addresses)
        : await get(url, addresses, bytes, settings, controller.signal);
    } catch (error) {
      return notFetched(messageOf(controller.signal.aborted ? controller.signal.reason : error));
    } finally {
      cancel();
      total -= 1;
      const rest = running.get(url.host)! - 1;
      if (rest > 0) running.set(url.host, rest);
      else running.delete(url.host);
    }
  };
}

function notFetched(reason: string): NotFetched {
  return { isFetched: false, reason, isGone: false, isBusy: false };
}

/** @returns where to connect, or why not */
async function addressesOf(
  { hostname }: URL,
  { mayLoopback, resolve = resolveByDns }: GuardedFetchSettings,
  signal: AbortSignal,
): Promise<string[] | string> {
  // Only what is loopback by its spelling: a name of the DNS that points there is somebody's trick.
  if (mayLoopback && isLoopbackHost(hostname)) {
    return hostname === "localhost" ? ["127.0.0.1", "::1"] : [hostname.replaceAll(/[[\]]/g, "")];
  }
  // The URL parser has brought decimal, octal and hexadecimal spellings into this one form.
  const literal = hostname.replaceAll(/[[\]]/g, "");
  if (isIP(literal) === 0 && isSpecialName(hostname)) return `${hostname} is not a public name`;
  const addresses = isIP(literal) === 0 ? await resolve(hostname, signal) : [literal];
  signal.throwIfAborted();
  if (addresses.length === 0) return `${hostname} has no address`;
  // One bad one among good ones is enough: which one a connection takes is not ours to guess.
  const special = addresses.find(isSpecialAddress);
  return special === undefined ? addresses : `${hostname} leads to ${special}`;
}

async function resolveByDns(hostname: string, signal: AbortSignal): Promise<string[]> {
  const resolver = new Resolver({ timeout: 1500, tries: 2 }); // ms
  const cancel = (): void => resolver.cancel();
  signal.addEventListener("abort", cancel, { once: true });
  try {
    const answers = await Promise.allSettled([
      resolver.resolve4(hostname),
      resolver.resolve6(hostname),
    ]);
    return answers.flatMap((answer) => (answer.status === "fulfilled" ? answer.value : []));
  } finally {
    signal.removeEventListener("abort", cancel);
  }
}

async function get(
  url: URL,
  addresses: readonly string[],
  bytes: number,
  { certificates }: GuardedFetchSettings,
  signal: AbortSignal,
): Promise<Fetched> {
  const client = new Client(url.origin, {
    connect: connectOnlyTo(addresses, certificates, signal),
    maxHeaderSize: MAX_HEADER,
  });
  try {
    const response = await client.request({
      method: "GET",
      path: `${url.pathname}${url.search}`,
      headers: {
        accept: "application/json",
        "accept-encoding": "identity",
        "user-agent": "mcp-gateway",
      },
      signal,
      reset: true,
    });
    const problem = problemWith(response);
    if (problem) return problem;
    const text = await readText(response.body, bytes);
    return { isFetched: true, text, headers: response.headers };
  } finally {
    await client.destroy();
  }
}

/** Our own, because undici's waits for its connection even when nobody wants it any more. */
function connectOnlyTo(
  addresses: readonly string[],
  certificates: readonly string[] | undefined,
  signal: AbortSignal,
): buildConnector.connector {
  return ({ hostname, port }, callback) => {
    const host = hostname.replaceAll(/[[\]]/g, "");
    const socket = connect({
      host,
      port: port === "" ? 443 : Number(port),
      lookup: only(addresses),
      rejectUnauthorized: true,
      ALPNProtocols: ["http/1.1"],
      ...(isIP(host) === 0 && { servername: host }),
      ...(certificates && { ca: [...rootCertificates, ...certificates] }),
    });
    const failed = (error: Error): void => callback(error, null);
    const abort = (): void => void socket.destroy(new Error(messageOf(signal.reason)));
    signal.addEventListener("abort", abort, { once: true });
    socket.once("error", failed).once("close", () => signal.removeEventListener("abort", abort));
    socket.once("secureConnect", () => {
      socket.off("error", failed);
      callback(null, socket);
    });
  };
}

/** The one answer to every question for an address: those that were checked. */
function only(addresses: readonly string[]): LookupFunction {
  const entries = addresses.map((address) => ({ address, family: isIP(address) }));
  return (_hostname, options, callback) => {
    if (options.all === true) callback(null, entries);
    else callback(null, entries[0]!.address, entries[0]!.family);
  };
}

function problemWith({ statusCode, headers }: Dispatcher.ResponseData): NotFetched | undefined {
  if (statusCode !== 200) {
    return { ...notFetched(`status ${statusCode}`), isGone: statusCode === 410 };
  }
  const type = String(headers["content-type"] ?? "").toLowerCase();
  if (!/^application\/(?:[\w.-]+\+)?json\s*(?:;|$)/.test(type)) return notFetched("not JSON");
  const encoding = String(headers["content-encoding"] ?? "identity").toLowerCase();
  return encoding === "identity" ? undefined : notFetched(`encoded as ${encoding.slice(0, 40)}`);
}

/** @throws Error when larger than `bytes`, TypeError when not UTF-8 */
async function readText(body: AsyncIterable<Buffer>, bytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > bytes) throw new Error(`larger than ${bytes} bytes`);
    chunks.push(chunk);
  }
  return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Buffer.concat(chunks));
}
