/**
 * The control API as commands see it: how a command talks to the gateway that runs. HTTP with JSON over a Unix socket in
 * the state directory (a named pipe on Windows). The types of control/ are the contract; src/server/control.ts answers in them.
 */
import { readFileSync } from "node:fs";
import { request, type IncomingMessage } from "node:http";
import { dirname, resolve } from "node:path";
import { EXIT, messageOf, UserError } from "./errors.ts";
import type { GatewayEvent } from "./events.ts";
import type {
  AccessTokenSummary,
  ClientSummary,
  CredentialSummary,
  GatewayStatus,
  GrantSummary,
  RegisterClient,
  RegisteredClient,
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
import { findConfigFile, STATE_DIRECTORY, statePaths } from "./paths.ts";

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
  status(): Promise<GatewayStatus>;
  clients(): Promise<ClientSummary[]>;
  /** @param client a client id or the beginning of one, when only one begins so */
  client(client: string): Promise<ClientSummary>;
  registerClient(registration: RegisterClient): Promise<RegisteredClient>;
  revokeClient(client: string): Promise<RevokedClient>;
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

/**
 * @param stateDirectory of the gateway that is meant
 * @returns a client; its calls throw UserError exit 3 when no gateway runs there, exit 4 when this user may not ask it,
 *   exit 1 with the gateway's own sentence when it refuses
 */
export function connectControl(stateDirectory: string): ControlClient {
  const { controlSocket, directory } = statePaths(stateDirectory);

  async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const response = await dial(method, path, body);
    const text = await textOf(response);
    if (response.statusCode! >= 300) throw refusal(response, text);
    return parseAnswer(text) as T;
  }

  function dial(
    method: string,
    path: string,
    body?: unknown,
    signal?: AbortSignal,
  ): Promise<IncomingMessage> {
    const payload = body === undefined ? undefined : JSON.stringify(body);
    return new Promise((fulfil, reject) => {
      const outgoing = request(
        {
          socketPath: controlSocket,
          method,
          path,
          agent: false,
          headers: payload === undefined ? {} : { "content-type": "application/json" },
          ...(signal && { signal }),
        },
        fulfil,
      );
      outgoing.on("error", (error: NodeJS.ErrnoException) => reject(explain(error, directory)));
      outgoing.end(payload);
    });
  }

  return {
    status: () => call("GET", "/status"),
    clients: () => call("GET", "/clients"),
    client: (client) => call("GET", one("/clients", client)),
    registerClient: (registration) => call("POST", "/clients", registration),
    revokeClient: (client) => call("DELETE", one("/clients", client)),
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
    async *events(signal, after) {
      const query = after === undefined ? "" : `?after=${encodeURIComponent(after)}`;
      const response = await dial("GET", `/events${query}`, undefined, signal);
      if (response.statusCode !== 200) throw refusal(response, await textOf(response));
      // The gateway sends an empty line from time to time: who is silent is gone.
      response.socket.setTimeout(LONGEST_SILENCE, () => response.destroy());
      let rest = "";
      for await (const chunk of response.setEncoding("utf8")) {
        const lines = `${rest}${chunk as string}`.split("\n");
        rest = lines.pop()!;
        for (const line of lines) if (line !== "") yield JSON.parse(line) as ControlEvent;
      }
    },
  };
}

function one(path: string, id: string): string {
  return `${path}/${encodeURIComponent(id)}`;
}

function queryOf(filter: AttemptFilter): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(filter)) {
    if (value !== undefined) query.set(name, String(value));
  }
  return query.toString();
}

/** What a failed connection means to the person who typed the command. */
function explain(error: NodeJS.ErrnoException, directory: string): unknown {
  if (error.code === "ENOENT" || error.code === "ECONNREFUSED" || error.code === "ENOTDIR") {
    return new UserError(`No gateway is running for ${directory}`, {
      hint: "Start one with mcp-gateway dev or mcp-gateway serve, or name its configuration with --config.",
      exitCode: EXIT.notRunning,
      cause: error,
    });
  }
  if (error.code === "EACCES" || error.code === "EPERM") {
    return new UserError(`The gateway for ${directory} belongs to another user`, {
      hint: "Run the command as the user the gateway runs as.",
      exitCode: EXIT.notAuthorised,
      cause: error,
    });
  }
  if (error.code === "ECONNRESET" || error.code === "EPIPE") {
    return new UserError("The gateway ended before it answered", {
      hint: "See its log, start it again and repeat the command.",
      exitCode: EXIT.notRunning,
      cause: error,
    });
  }
  return error;
}

function refusal({ statusCode }: IncomingMessage, text: string): UserError {
  const { error } = parseAnswer(text) as Partial<ControlError>;
  return new UserError(error?.message ?? `The gateway answered ${statusCode}`, {
    ...(error?.hint !== undefined && { hint: error.hint }),
  });
}

async function textOf(response: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of response.setEncoding("utf8")) text += chunk as string;
  return text;
}

function parseAnswer(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UserError("What answers on the control socket is not an mcp-gateway", {
      cause: error,
    });
  }
}
