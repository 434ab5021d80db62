/**
 * What a host says of itself: one small shell script, fed to the system's `ssh`, which brings keys, agents, jumps and known hosts
 * of the operator along. Nothing is written over there.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { systemClock } from "../../clock.ts";
import { UserError } from "../../errors.ts";
import { printable } from "../../terminal.ts";

const CONNECT = 10; // seconds until a host counts as out of reach
const SSH_FAILED = 255;

/** A name, a tab, what was found. Empty where there is nothing. */
const SCRIPT = `
say() { printf '%s\\t%s\\n' "$1" "$2"; }
say clock "$(date +%s)"
say addresses "$(hostname -I 2>/dev/null) $(echo "\${SSH_CONNECTION:-}" | cut -d' ' -f3)"
say disk "$(df -Pk / | awk 'NR == 2 { print $4 }')"
say node "$(node --version 2>/dev/null)"
for program in systemctl traefik mcp-gateway; do say "$program" "$(command -v "$program")"; done
say user "$(id -un)"
if [ "$(id -u)" = 0 ]; then say rights root; elif sudo -n true 2>/dev/null; then say rights sudo; fi
say end end
`;

export interface HostFacts {
  /** What the script said, by name. */
  get(name: string): string;
  /** Seconds by which its clock is before ours, at least; negative when it is behind. */
  skew: number;
}

/**
 * @param host as `ssh` takes it @param configFile instead of the operator's own ssh configuration
 * @throws UserError when nobody could log in there, with ssh's own words
 */
export async function askHost(host: string, configFile: string | undefined): Promise<HostFacts> {
  const own = configFile === undefined ? [] : ["-F", configFile];
  const options = ["-T", "-o", "BatchMode=yes", "-o", `ConnectTimeout=${CONNECT}`];
  const before = systemClock.now();
  const child = spawn("ssh", [...own, ...options, "--", host, "sh -s"], { stdio: "pipe" });
  const isClosed = once(child, "close") as Promise<[number | null]>;
  // Who refuses the login does not read the script; what ssh says is the reason.
  child.stdin.on("error", () => undefined);
  child.stdin.end(SCRIPT);
  const [said, complaint, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    isClosed,
  ]).catch((error: unknown) => {
    throw new UserError("ssh cannot be started here", {
      hint: "Install the OpenSSH client.",
      cause: error,
    });
  });
  const after = systemClock.now();
  const facts = new Map(said.split("\n").map((line) => line.split("\t", 2) as [string, string]));
  if (code === SSH_FAILED) throw refusal(host, complaint);
  if (!facts.has("end")) {
    throw new UserError(`${host} did not answer to the end`, {
      hint: `Its login must lead to a shell: ssh ${host} sh`,
    });
  }
  const clock = Number(facts.get("clock"));
  const skew = clock > after ? clock - after : Math.min(0, clock - before);
  return { get: (name) => facts.get(name)?.trim() ?? "", skew };
}

function refusal(host: string, complaint: string): UserError {
  const lines = complaint.split("\n").filter((line) => line.trim() !== "");
  const words = printable((lines.at(-1) ?? "the connection ended").trim());
  if (complaint.includes("REMOTE HOST IDENTIFICATION HAS CHANGED")) {
    return new UserError(`${host} shows another host key than before`, {
      hint: "Ask who runs it whether the key was changed; else somebody stands in between. Nothing was sent.",
    });
  }
  return new UserError(`Nobody could log in at ${host}: ${words}`, {
    hint: `Make this work first, without a password: ssh ${host} true`,
  });
}
