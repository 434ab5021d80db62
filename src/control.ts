/**
 * The control API as commands see it: how a command talks to the gateway that runs. JSON over HTTP, by the
 * socket in its state directory (control/socket.ts) or from afar (client/remote-transport.ts). The types of control/ are the contract.
 */
import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { EXIT, messageOf, UserError } from "./errors.ts";
import type { GatewayEvent } from "./events.ts";
import type {
  AccessTokenSummary,
  CallerSummary,
  ClientSummary,
  CredentialSummary,
  GatewayStatus,
  GrantSummary,
  RegisterClient,
  RegisteredClient,
  PrunedClients,
  RevokedClient,
  RotatedKeys,
  SessionSummary,
  SigningKeySummary,
} from "./control/answers.ts";
import type {
  AccountSummary,
  AddAccount,
  GivenAccess,
  RemovedAccount,
  ResetAccount,
} from "./control/accounts.ts";
import type { Attempt, AttemptFilter, AttemptSummary } from "./control/attempts.ts";
import type { RestartedService, ServiceLogLine } from "./control/services.ts";
import { socketTransport } from "./control/socket.ts";
import type { ControlAnswer, ControlTransport } from "./control/transport.ts";
import { findConfigFile, STATE_DIRECTORY } from "./paths.ts";

/** `GET /events`: what happened, or how much this reader missed because it was too slow or away for too long. */
export type ControlEvent =
  | (GatewayEvent & {
      /** To go on from. */
      id: string;
    })
  | { type: "events.dropped"; at: number; events: number };

const LONGEST_SILENCE = 45_000; // ms; three times the gateway's heartbeat

/** How a failed call looks on the wire, and every command's failure with `--json`. */
export interface ControlError {
  error: { message: string; hint?: string; code: string };
}

export interface ControlClient {
  /** Who is asking, as the gateway sees it. */
  self(): Promise<CallerSummary>;
  status(): Promise<GatewayStatus>;
  clients(): Promise<ClientSummary[]>;
  /** @param client a client id or the beginning of one, when only one begins so */
  client(client: string): Promise<ClientSummary>;
  registerClient(registration: RegisterClient): Promise<RegisteredClient>;
  revokeClient(client: string): Promise<RevokedClient>;
  /** Forget stale clients that nobody has used for so many seconds. */
  pruneClients(idle: number): Promise<PrunedClients>;
  accessTokens(): Promise<AccessTokenSummary[]>;
  accessToken(token: string): Promise<AccessTokenSummary>;
  revokeAccessToken(token: string): Promise<AccessTokenSummary>;
  grants(): Promise<GrantSummary[]>;
  grant(grant: string): Promise<GrantSummary>;
  /** @returns the grant as it was */
  revokeGrant(grant: string): Promise<GrantSummary>;
  credentials(): Promise<CredentialSummary[]>;
  credential(credential: string): Promise<CredentialSummary>;
  /** @returns what was removed */
  removeCredential(credential: string): Promise<CredentialSummary>;
  sessions(): Promise<SessionSummary[]>;
  session(session: string): Promise<SessionSummary>;
  /** @returns the session as it was */
  endSession(session: string): Promise<SessionSummary>;
  keys(): Promise<SigningKeySummary[]>;
  rotateKeys(options: { emergency: boolean }): Promise<RotatedKeys>;
  accounts(): Promise<AccountSummary[]>;
  account(name: string): Promise<AccountSummary>;
  addAccount(account: AddAccount): Promise<GivenAccess>;
  resetAccount(name: string, options: ResetAccount): Promise<GivenAccess>;
  removeAccount(name: string): Promise<RemovedAccount>;
  /** Login attempts, newest first. */
  attempts(filter?: AttemptFilter): Promise<AttemptSummary[]>;
  /** @param attempt its id or the beginning of it, when only one begins so */
  attempt(attempt: string): Promise<Attempt>;
  /** The last of them, oldest first. */
  serviceLog(service: string): Promise<ServiceLogLine[]>;
  restartService(service: string): Promise<RestartedService>;
  /**
   * Ends when the gateway or `signal` ends it, or when nothing at all is heard of the gateway for too long.
   * @param after id of the last event that is known; what came after it comes first. "" begins with the oldest the gateway
   *   remembers; without it only what happens from now on
   */
  events(signal: AbortSignal, after?: string): AsyncIterable<ControlEvent>;
}

/**
 * Where the gateway meant by this call keeps its state. Reads no more of the configuration than that: a mistake elsewhere
 * in the file must not keep an operator from revoking a client.
 * @throws UserError when the named file cannot be read
 */
export async function stateDirectoryFor(configFile: string | undefined): Promise<string> {
  const file = configFile ?? findConfigFile(process.cwd());
  if (file === undefined) return resolve(STATE_DIRECTORY);
  const { parse } = await import("yaml");
  try {
    const config = parse(readFileSync(file, "utf8")) as { store?: { path?: unknown } } | null;
    const path = config?.store?.path;
    return resolve(dirname(file), typeof path === "string" ? path : STATE_DIRECTORY);
  } catch (error) {
    throw new UserError(`Cannot read ${file}: ${messageOf(error).split("\n")[0]}`, {
      hint: "Check the path and its permissions; mcp-gateway config check names mistakes.",
      exitCode: EXIT.usage,
      cause: error,
    });
  }
}

/** @param stateDirectory of the gateway that is meant, on this machine */
export function connectControl(stateDirectory: string): ControlClient {
  return createControlClient(socketTransport(stateDirectory));
}

/**
 * @returns a client; its calls throw UserError exit 3 when no gateway can be reached, exit 4 when this user may not ask it,
 *   exit 1 with the gateway's own sentence when it refuses
 */
export function createControlClient(send: ControlTransport): ControlClient {
  async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const payload = body === undefined ? {} : { body: JSON.stringify(body) };
    const answer = await send({ method, path, ...payload });
    const text = await textOf(answer);
    if (answer.status >= 300) throw refusal(answer, text);
    return parseAnswer(text) as T;
  }

  return {
    self: () => call("GET", "/self"),
    status: () => call("GET", "/status"),
    clients: () => call("GET", "/clients"),
    client: (client) => call("GET", one("/clients", client)),
    registerClient: (registration) => call("POST", "/clients", registration),
    revokeClient: (client) => call("DELETE", one("/clients", client)),
    pruneClients: (idle) => call("DELETE", `/clients?idle=${Math.ceil(idle)}`),
    accessTokens: () => call("GET", "/tokens"),
    accessToken: (token) => call("GET", one("/tokens", token)),
    revokeAccessToken: (token) => call("DELETE", one("/tokens", token)),
    grants: () => call("GET", "/grants"),
    grant: (grant) => call("GET", one("/grants", grant)),
    revokeGrant: (grant) => call("DELETE", one("/grants", grant)),
    credentials: () => call("GET", "/credentials"),
    credential: (credential) => call("GET", one("/credentials", credential)),
    removeCredential: (credential) => call("DELETE", one("/credentials", credential)),
    sessions: () => call("GET", "/sessions"),
    session: (session) => call("GET", one("/sessions", session)),
    endSession: (session) => call("DELETE", one("/sessions", session)),
    keys: () => call("GET", "/keys"),
    rotateKeys: (options) => call("POST", "/keys", options),
    accounts: () => call("GET", "/accounts"),
    account: (name) => call("GET", one("/accounts", name)),
    addAccount: (account) => call("POST", "/accounts", account),
    resetAccount: (name, options) => call("POST", one("/accounts", name), options),
    removeAccount: (name) => call("DELETE", one("/accounts", name)),
    attempts: (filter = {}) => call("GET", `/attempts?${queryOf(filter)}`),
    attempt: (attempt) => call("GET", one("/attempts", attempt)),
    serviceLog: (service) => call("GET", one("/logs", service)),
    restartService: (service) => call("POST", one("/services", service), {}),
    events: (signal, after) => readEvents(send, signal, after),
  };
}

async function* readEvents(
  send: ControlTransport,
  signal: AbortSignal,
  after: string | undefined,
): AsyncGenerator<ControlEvent> {
  const query = after === undefined ? "" : `?after=${encodeURIComponent(after)}`;
  const silence = new AbortController();
  const any = AbortSignal.any([signal, silence.signal]);
  const answer = await send({ method: "GET", path: `/events${query}`, signal: any });
  if (answer.status !== 200) throw refusal(answer, await textOf(answer));
  // The gateway sends an empty line from time to time: who is silent is gone.
  const timer = setTimeout(() => silence.abort(), LONGEST_SILENCE);
  let rest = "";
  try {
    for await (const chunk of answer.text) {
      timer.refresh();
      const lines = `${rest}${chunk}`.split("\n");
      rest = lines.pop()!;
      for (const line of lines) if (line !== "") yield JSON.parse(line) as ControlEvent;
    }
  } finally {
    clearTimeout(timer);
  }
}

/** Ids that are URLs, which a path cannot carry and a proxy might refuse, go as base64url behind a `~`. */
function one(path: string, id: string): string {
  const isPlain = /^[\w.:-]*$/.test(id);
  return `${path}/${isPlain ? id : `~${Buffer.from(id).toString("base64url")}`}`;
}

function queryOf(filter: AttemptFilter): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(filter)) {
    if (value !== undefined) query.set(name, String(value));
  }
  return query.toString();
}

function refusal({ status }: ControlAnswer, text: string): UserError {
  const { error } = parseAnswer(text) as Partial<ControlError>;
  return new UserError(error?.message ?? `The gateway answered ${status}`, {
    ...(error?.hint !== undefined && { hint: error.hint }),
  });
}

async function textOf(answer: ControlAnswer): Promise<string> {
  let text = "";
  for await (const chunk of answer.text) text += chunk;
  return text;
}

function parseAnswer(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UserError("What answers there is not an mcp-gateway", {
      cause: error,
    });
  }
}
