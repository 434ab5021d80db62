/**
 * What we hold for one protected resource and one account: who we are at its authorization server, and the tokens. It lies
 * in a vault (vault.ts), replaced as a whole.
 *
 * Its name there is a digest of the endpoint and the account; the issuer and the resource stand inside, because they
 * are known only after discovery. Whoever uses the record compares them first: credentials go to the issuer that gave them and
 * to nobody else.
 *
 * Several programs start at once and share it. `exclusive` lets one of them at a time ask for tokens; the others then
 * find what it wrote. The lock names its process, so that of a dead one is taken over. A rotated refresh token is in the vault
 * before anybody uses what came with it.
 */
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { tryLock } from "../files/lock.ts";
import { credentialsDirectory, makePrivateDirectory } from "../paths.ts";
import { digest } from "../random.ts";
import type { OwnClient } from "./registration.ts";
import { fileVault, type Vault } from "./vault.ts";

const LOOK_AGAIN = 100; // ms between two looks at a lock that somebody holds

export interface Tokens {
  accessToken: string;
  refreshToken?: string;
  /** Seconds since 1970. */
  expiresAt?: number;
  /** Likewise: from then on another one is asked for ahead. */
  renewAt?: number;
}

export interface Credentials {
  endpoint: string;
  issuer: string;
  /** RFC 8707; servers of 2025-03-26 know none. */
  resource?: string;
  /** Everything we ever asked for here: what a server demands later is added, never swapped. */
  scope?: string;
  client: OwnClient;
  tokens?: Tokens;
}

/** A login that did not end well; those who waited for it do not ask the person once more. */
interface LoginFailure {
  /** Seconds since 1970. */
  at: number;
  message: string;
}

interface Stored {
  credentials?: Credentials;
  failure?: LoginFailure;
}

export interface CredentialStore {
  read(): Promise<Stored>;
  write(stored: Stored): Promise<void>;
  remove(): Promise<void>;
  /** Run `task` while no other process does. @param onWait called once when somebody is before us */
  exclusive<Result>(
    task: () => Promise<Result>,
    options: { signal: AbortSignal; onWait: (pid: number) => void },
  ): Promise<Result>;
}

/**
 * @param account tells apart who shares an endpoint: people, or clients known to the server before
 * @param directory of the lock
 */
export function openCredentialStore(
  endpoint: string,
  account: string,
  directory: string = credentialsDirectory(),
  vault: Vault = fileVault(directory, "Set XDG_STATE_HOME to one that is yours."),
): CredentialStore {
  const name = digest(JSON.stringify([endpoint, account])).slice(0, 32);
  return {
    async read() {
      const text = await vault.read(name);
      return text === undefined ? {} : parse(text, endpoint);
    },
    write: (stored) => vault.write(name, JSON.stringify(stored)),
    remove: () => vault.remove(name),
    exclusive: (task, options) => whileLocked(directory, name, task, options),
  };
}

/** Run `task` while no other process does anything under this name. @param options.onWait as above */
export async function whileLocked<Result>(
  directory: string,
  name: string,
  task: () => Promise<Result>,
  { signal, onWait }: { signal: AbortSignal; onWait: (pid: number) => void },
): Promise<Result> {
  makePrivateDirectory(directory, "Set XDG_STATE_HOME and XDG_CONFIG_HOME to ones that are yours.");
  const path = join(directory, `${name}.lock`);
  let lock = await tryLock(path);
  if (typeof lock === "number") onWait(lock);
  while (typeof lock === "number") {
    await pause(LOOK_AGAIN, undefined, { signal });
    lock = await tryLock(path);
  }
  try {
    return await task();
  } finally {
    await lock();
  }
}

/** What says nothing we understand is like none: the worst that follows is a login. */
function parse(text: string, endpoint: string): Stored {
  try {
    const stored = JSON.parse(text) as Stored;
    const { credentials } = stored;
    if (credentials === undefined || credentials.endpoint === endpoint) return stored;
  } catch {
    // as below
  }
  return {};
}

/** @returns `scopes` of both, each once; undefined when neither names any */
export function unite(first: string | undefined, second: string | undefined): string | undefined {
  const all = new Set(`${first ?? ""} ${second ?? ""}`.split(" ").filter((scope) => scope !== ""));
  return all.size === 0 ? undefined : [...all].join(" ");
}
