/**
 * From what stands after `--tunnel` to a provider.
 */
import { EXIT, UserError } from "../errors.ts";
import { openByProgram } from "./program.ts";
import type { TunnelProvider } from "./tunnel.ts";

const WAYS: readonly ((text: string) => TunnelProvider | undefined)[] = [
  ssh,
  ngrok,
  cloudflared,
  ownAddress,
];

/** @throws UserError exit 2 for a way that does not exist */
export function tunnelProvider(text: string): TunnelProvider {
  for (const way of WAYS) {
    const provider = way(text);
    if (provider) return provider;
  }
  throw usage(`There is no tunnel ${text}`);
}

/** `ssh -R`: the host forwards a port of its own, and a proxy there gives it a name and a certificate. */
function ssh(text: string): TunnelProvider | undefined {
  if (!text.startsWith("ssh://")) return undefined;
  const target = URL.canParse(text) ? new URL(text) : undefined;
  const publicUrl = originOf(target?.searchParams.get("url") ?? "");
  const user = decodeURIComponent(target?.username ?? "");
  // A name that begins with a hyphen would be a flag to ssh, and one with a space several words.
  const isPlain = [user, target?.hostname ?? ""].every((name) => /^(?!-)[\w.:[\]-]*$/.test(name));
  const remote = target?.searchParams.get("remote") ?? "";
  if (!target?.hostname || target.password || !isPlain || !/^\d{0,5}$/.test(remote)) {
    throw usage(`${text} names no host to reach by ssh`);
  }
  if (publicUrl === undefined) throw usage(`${text} does not say at which address it is public`);
  const host = target.hostname.replaceAll(/[[\]]/g, "");
  return {
    id: "ssh",
    open: (port, tell) =>
      openByProgram(
        {
          command: "ssh",
          args: [
            ...["-N", "-T", "-o", "ExitOnForwardFailure=yes", "-o", "ServerAliveInterval=15"],
            ...(target.port ? ["-p", target.port] : []),
            ...["-R", `${remote || port}:127.0.0.1:${port}`],
            ...["--", user ? `${user}@${host}` : host],
          ],
          publicUrl,
          hint: `Try: ssh ${user ? `${user}@${host}` : host}`,
        },
        tell,
      ),
  };
}

function ngrok(text: string): TunnelProvider | undefined {
  if (text !== "ngrok") return undefined;
  return {
    id: "ngrok",
    open: (port, tell) =>
      openByProgram(
        {
          command: "ngrok",
          args: ["http", `127.0.0.1:${port}`, "--log", "stdout", "--log-format", "json"],
          urlIn: ngrokUrl,
          hint: "Install ngrok and give it its token: ngrok config add-authtoken TOKEN",
        },
        tell,
      ),
  };
}

/** A line of its log: `{"msg":"started tunnel","url":"https://...", ...}`. */
export function ngrokUrl(line: string): string | undefined {
  try {
    const entry = JSON.parse(line) as { msg?: unknown; url?: unknown } | null;
    return entry?.msg === "started tunnel" ? originOf(String(entry.url)) : undefined;
  } catch {
    return undefined;
  }
}

function cloudflared(text: string): TunnelProvider | undefined {
  if (text !== "cloudflared") return undefined;
  return {
    id: "cloudflared",
    open: (port, tell) =>
      openByProgram(
        {
          command: "cloudflared",
          args: ["tunnel", "--no-autoupdate", "--url", `http://127.0.0.1:${port}`],
          urlIn: cloudflaredUrl,
          hint: "Install cloudflared, or take another tunnel: --tunnel ssh://...",
        },
        tell,
      ),
  };
}

/** It prints other addresses as well, of its documentation and its terms; `api.` is where it asks for a name. */
export function cloudflaredUrl(line: string): string | undefined {
  return /https:\/\/(?!api\.)[a-z0-9-]+\.trycloudflare\.com(?![\w.-])/.exec(line)?.[0];
}

/** Somebody brings their own: whatever leads from this address to the port. */
function ownAddress(text: string): TunnelProvider | undefined {
  if (!text.startsWith("url=")) return undefined;
  const publicUrl = originOf(text.slice("url=".length));
  if (publicUrl === undefined) throw usage(`${text} is not the address of a host`);
  const lost = new AbortController().signal;
  return { id: "url", open: async () => ({ publicUrl, lost, close: () => undefined }) };
}

/** An http or https address that is nothing but an origin; undefined for anything else. */
function originOf(text: string): string | undefined {
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  if (url.protocol !== "https:" && url.protocol !== "http:") return undefined;
  return url.href === `${url.origin}/` ? url.origin : undefined;
}

function usage(message: string): UserError {
  return new UserError(message, {
    hint: "Ways: ssh://USER@HOST?remote=PORT&url=https://NAME, ngrok, cloudflared, url=https://NAME",
    exitCode: EXIT.usage,
  });
}
