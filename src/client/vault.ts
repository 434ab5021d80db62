/**
 * Where credentials lie: files of mode 0600 in a directory of mode 0700, or the keyring of the operating system.
 *
 * The keyring's binding is optional: it may be missing for a platform, and even where it is there nothing may answer it (no
 * desktop, no D-Bus). Of the two stores Linux has, only the Secret Service is used: the kernel's forgets with the session.
 */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { EXIT, UserError } from "../errors.ts";
import { readFileIfAny, replaceFile } from "../files/private-file.ts";
import { makePrivateDirectory } from "../paths.ts";

export interface Vault {
  read(name: string): Promise<string | undefined>;
  write(name: string, text: string): Promise<void>;
  remove(name: string): Promise<void>;
}

/** @param hint what to do when the directory belongs to somebody else */
export function fileVault(directory: string, hint: string): Vault {
  const fileOf = (name: string): string => join(directory, `${name}.json`);
  return {
    read: async (name) => (await readFileIfAny(fileOf(name)))?.toString("utf8"),
    async write(name, text) {
      makePrivateDirectory(directory, hint);
      await replaceFile(fileOf(name), [`${text}\n`]);
    },
    remove: (name) => rm(fileOf(name), { force: true }),
  };
}

const BINDING = "@napi-rs/keyring"; // by a name the compiler does not follow: it may not be installed
const SERVICE = "mcp-gateway";
const PROBE = { name: "probe", length: 2048 }; // bytes; a login has about 1200, and Windows takes 2560
const PATIENCE = 20_000; // ms for a keyring that asks its owner to unlock it

interface Entry {
  getSecret(signal: AbortSignal): Promise<Iterable<number> | null>;
  setSecret(secret: Uint8Array, signal: AbortSignal): Promise<void>;
  deleteCredential(signal: AbortSignal): Promise<boolean>;
}

interface Binding {
  AsyncEntry: new (service: string, name: string, options: object) => Entry;
}

/** Its calls, too, throw UserError exit 4 when the keyring does not answer. @throws UserError likewise */
export async function keyringVault(): Promise<Vault> {
  const { AsyncEntry } = await answering(() => import(BINDING) as Promise<Binding>);
  const entry = (name: string): Entry =>
    new AsyncEntry(SERVICE, name, { linux: { store: "secret-service" } });
  const limit = (): AbortSignal => AbortSignal.timeout(PATIENCE);
  return {
    async read(name) {
      const secret = await answering(() => entry(name).getSecret(limit()));
      return secret === null ? undefined : Buffer.from([...secret]).toString("utf8");
    },
    write: (name, text) => answering(() => entry(name).setSecret(Buffer.from(text), limit())),
    async remove(name) {
      await answering(() => entry(name).deleteCredential(limit()));
    },
  };
}

async function answering<Result>(call: () => Promise<Result>): Promise<Result> {
  try {
    return await call();
  } catch (error) {
    throw new UserError("The keyring does not answer, and the login lies there", {
      hint: "Unlock it, or log in here again: mcp-gateway login",
      exitCode: EXIT.notAuthorised,
      cause: error,
    });
  }
}

/** Whether the keyring keeps what it is given, and has room for a login. */
export async function hasKeyring(): Promise<boolean> {
  try {
    const vault = await keyringVault();
    const text = "-".repeat(PROBE.length);
    await vault.write(PROBE.name, text);
    const isKept = (await vault.read(PROBE.name)) === text;
    await vault.remove(PROBE.name);
    return isKept;
  } catch {
    return false;
  }
}
