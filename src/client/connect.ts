/**
 * `connect`: a host that only knows programs on its own machine, and a server elsewhere.
 *
 *   host -> stdin -> StdioHost -> Link -> RemoteChannel -> AuthorizedSender -> HTTP -> server
 *
 * and back. Messages pass as they are; which revision of MCP is spoken is between host and server.
 */
import { systemClock } from "../clock.ts";
import { messageOf, UserError } from "../errors.ts";
import { stringifyJson } from "../mcp/exact-json.ts";
import type { JsonRpcMessage } from "../mcp/json-rpc.ts";
import { RemoteChannel, type Transport } from "../mcp/remote/remote-channel.ts";
import type { Remote } from "../mcp/remote/remote.ts";
import { RemoteHttp } from "../mcp/remote/remote-http.ts";
import { ToolHeaders } from "../mcp/remote/tool-headers.ts";
import { digest } from "../random.ts";
import { AuthorizedSender, NotAuthorized } from "./authorized-sender.ts";
import { Authorizer } from "./authorizer.ts";
import { openCredentialStore } from "./credential-store.ts";
import { Link } from "./link.ts";
import type { LoginSettings } from "./login.ts";
import { present } from "./present.ts";
import { StdioHost } from "./stdio-host.ts";
import { createWeb } from "./web.ts";

const SILENCE = 1800; // seconds; hosts give up much earlier and say so
const GRACE = 2; // seconds for the good-bye to the server
const LAST_ANSWERS = 10; // seconds for answers after the host has said its last
const MOST_REFUSED = 1000; // messages of which we know that no session took them

export interface ConnectOptions {
  url: string;
  /** Of every request; an `Authorization` header stands in place of OAuth. */
  headers: readonly (readonly [string, string])[];
  transport: Transport["configured"];
  allowHttp: boolean;
  grant: LoginSettings["grant"];
  clientId?: string | undefined;
  clientSecret?: string | undefined;
  scope?: string | undefined;
  /** Tells apart several logins at one server. */
  account: string;
  callbackPort: number;
  mayOpenBrowser: boolean;
  /** A sentence for the person, on standard error. */
  tell: (text: string) => void;
  /** Tell every step, for people who look for a fault. */
  verbose: boolean;
}

/**
 * Until the host is gone.
 * @throws UserError when it cannot even begin
 */
export async function connect(
  options: ConnectOptions,
  host: { input: NodeJS.ReadableStream; output: NodeJS.WritableStream; signal: AbortSignal },
): Promise<void> {
  const { tell } = options;
  const trace = tracer(options);
  const { authorizer, endpoint, dispatcher, end } = await prepare(options);
  const refused = new Set<string>();
  const isOwn = options.headers.some(([name]) => name.toLowerCase() === "authorization");
  const sender = new AuthorizedSender({
    sender: new RemoteHttp(endpoint, options.headers.flat(), dispatcher),
    authorizer: isOwn ? undefined : authorizer,
    onHead: ({ method, body }, status) => {
      if (options.verbose) trace(`${method} ${body === undefined ? "" : describe(body)} ${status}`);
      // A session the server does not know; some say 400.
      if (body === undefined || (status !== 404 && status !== 400)) return;
      if (refused.size < MOST_REFUSED) refused.add(digest(body));
    },
    onFailure: (error) => {
      const { hint } = Object(error) as UserError;
      tell(`Error: ${messageOf(error)}${hint === undefined ? "" : `\n  Next: ${hint}`}`);
    },
  });
  const remote: Remote = {
    name: endpoint.host,
    http: sender,
    clock: systemClock,
    timeout: SILENCE,
    tools: new ToolHeaders(),
    succeeded: () => undefined,
    failed: (failure) => trace(`${failure.message} ${failure.detail ?? ""}`),
    explain: (failure) =>
      failure instanceof NotAuthorized ? failure.message : `${endpoint.host} ${failure.message}`,
  };
  const transport: Transport = { configured: options.transport, isOld: false };
  const link = new Link({
    open: () => new RemoteChannel(remote, transport, () => undefined),
    toHost: (message) => stdio.send(message),
    wasRefused: (message) => refused.delete(digest(stringifyJson(message))),
    trace,
  });
  const gone = new AbortController();
  const stdio = new StdioHost({
    input: host.input,
    output: host.output,
    onMessage: (message: JsonRpcMessage) => link.send(message),
    onEnd: () => gone.abort(),
  });
  await aborted(AbortSignal.any([gone.signal, host.signal]));
  if (!host.signal.aborted) await soon(link.idle(), LAST_ANSWERS, host.signal);
  await link.close(GRACE);
  await end();
}

/** Forget the credentials and have the server take them back; says how it went. */
export async function disconnect(options: ConnectOptions): Promise<void> {
  const { authorizer, end } = await prepare(options);
  const { tell, url } = options;
  try {
    const { had, problem } = await authorizer.forget();
    tell(had ? `Logged out of ${url}.` : `There was no login at ${url}.`);
    if (problem !== undefined) tell(problem);
  } finally {
    await end();
  }
}

async function prepare(options: ConnectOptions) {
  const { url, allowHttp, clientId, grant, account, tell } = options;
  if (!URL.canParse(url)) throw new UserError(`${url} is not a URL`, { exitCode: 2 });
  const endpoint = new URL(url);
  endpoint.hash = "";
  const web = await createWeb({ endpoint, allowHttp });
  web.check(endpoint, "The address");
  const who = grant === "client-credentials" ? "program" : "person";
  const ending = new AbortController();
  const authorizer = new Authorizer({
    endpoint,
    store: openCredentialStore(endpoint.href, JSON.stringify([account, clientId, who])),
    settings: {
      ...options,
      web,
      clock: systemClock,
      clientName: "mcp-gateway connect",
      present: (page) => present(page, { mayOpen: options.mayOpenBrowser, tell }),
    },
    signal: ending.signal,
    trace: tracer(options),
  });
  const end = async (): Promise<void> => {
    ending.abort(new UserError("The login was given up"));
    await web.close();
  };
  return { authorizer, endpoint, dispatcher: web.dispatcher, end };
}

function tracer({ verbose, tell }: ConnectOptions): (line: string) => void {
  return (line) => {
    if (verbose) tell(`connect: ${line}`);
  };
}

function describe(body: string): string {
  const { method } = JSON.parse(body) as { method?: string };
  return method ?? "response";
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((fulfil) => {
    signal.addEventListener("abort", () => fulfil(), { once: true });
  });
}

/** Wait for `task`, but not longer. */
async function soon(task: Promise<void>, seconds: number, signal: AbortSignal): Promise<void> {
  const limit = AbortSignal.timeout(seconds * 1000);
  await Promise.race([task, aborted(AbortSignal.any([limit, signal]))]);
}
