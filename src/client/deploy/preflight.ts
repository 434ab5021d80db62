/**
 * What must be the case before a deployment can be put on a host, found out without changing anything.
 */
import { lookup } from "node:dns/promises";
import { statSync } from "node:fs";
import { connect } from "node:net";
import type { GroupResult } from "../doctor/examine.ts";
import { failed, passed, warning, type Finding } from "../doctor/finding.ts";
import type { HostFacts } from "./host.ts";
import type { Deployment } from "./deployment.ts";
import { preflightChecks } from "./preflight-checks.ts";

const SPACE = 1024 * 1024; // KiB: programs, their dependencies, and state
const SKEW = 30; // seconds; tokens and assertions of others are refused from about there
const PATIENCE = 5_000; // milliseconds for a port to answer

type Id = (typeof preflightChecks)[number]["id"];

export async function preflight(deployment: Deployment, host: HostFacts): Promise<GroupResult[]> {
  const { hostname } = new URL(deployment.publicUrl);
  const found = await lookup(hostname, { all: true }).catch(() => []);
  const addresses = found.map(({ address }) => address);
  return [
    {
      title: "This folder",
      results: [result("deploy-secrets", secrets(deployment))],
    },
    {
      title: "The host",
      results: [
        result("deploy-rights", rights(host)),
        result("deploy-systemd", there(host, ["systemctl"])),
        result("deploy-node", node(host)),
        result("deploy-programs", there(host, ["mcp-gateway", "traefik"])),
        result("deploy-disk", disk(host)),
        result("deploy-clock", clock(host)),
      ],
    },
    {
      title: "The domain",
      results: [
        result("deploy-dns", dns(hostname, addresses, host)),
        result("deploy-ports", await ports(addresses)),
      ],
    },
  ];
}

function result(id: Id, finding: Finding): GroupResult["results"][number] {
  return { ...preflightChecks.find((check) => check.id === id)!, ...finding };
}

function secrets({ env, missing }: Deployment): Finding {
  if (missing.length > 0) return failed(`.env has no value for ${missing.join(", ")}`);
  const mode = statSync(env).mode & 0o777;
  if ((mode & 0o077) !== 0) return failed(`.env has mode 0${mode.toString(8)}`);
  return passed("all there, for your eyes only");
}

function rights(host: HostFacts): Finding {
  const user = host.get("user");
  const seen = host.get("rights");
  if (seen === "") return failed(`${user} is not root and needs a password for sudo`);
  return passed(seen === "root" ? "root" : `${user}, with sudo`);
}

function there(host: HostFacts, programs: readonly string[]): Finding {
  const missing = programs.filter((program) => host.get(program) === "");
  if (missing.length > 0) return failed(`no ${missing.join(", no ")}`);
  return passed(programs.map((program) => host.get(program)).join(", "));
}

function node(host: HostFacts): Finding {
  const version = host.get("node");
  const [major = 0, minor = 0] = version.replace(/^v/, "").split(".").map(Number);
  if (version === "") return failed("no node");
  return major > 20 || (major === 20 && minor >= 19) ? passed(version) : failed(version);
}

function disk(host: HostFacts): Finding {
  const free = Number(host.get("disk"));
  const seen = `${(free / SPACE).toFixed(1)} GiB free`;
  return free >= SPACE ? passed(seen) : failed(seen);
}

function clock({ skew }: HostFacts): Finding {
  if (Math.abs(skew) <= SKEW) return passed("as here");
  return failed(`${Math.abs(skew)} seconds ${skew > 0 ? "ahead of" : "behind"} this machine`);
}

function dns(hostname: string, addresses: readonly string[], host: HostFacts): Finding {
  if (addresses.length === 0) return failed(`${hostname} has no address`);
  const own = new Set(host.get("addresses").split(/\s+/));
  const foreign = addresses.filter((address) => !own.has(address));
  if (foreign.length === 0) return passed(addresses.join(", "));
  return warning(`${hostname} is ${foreign.join(", ")}, which the host does not have`);
}

async function ports(addresses: readonly string[]): Promise<Finding> {
  if (addresses.length === 0) return failed("no address to try");
  const tries = addresses.flatMap((address) => [80, 443].map((port) => ({ address, port })));
  const silent = await Promise.all(
    tries.map(async (one) => ((await answers(one)) ? [] : [`${one.address} port ${one.port}`])),
  );
  const seen = silent.flat();
  return seen.length === 0 ? passed("80 and 443 answer") : failed(`silent: ${seen.join(", ")}`);
}

/** A refusal is an answer, too: nothing listens there yet, and no wall is in between. */
function answers({ address, port }: { address: string; port: number }): Promise<boolean> {
  return new Promise((fulfil) => {
    const socket = connect({ host: address, port, timeout: PATIENCE });
    const end = (isThere: boolean) => {
      socket.destroy();
      fulfil(isThere);
    };
    socket.once("connect", () => end(true));
    socket.once("timeout", () => end(false));
    socket.once("error", (error: NodeJS.ErrnoException) => end(error.code === "ECONNREFUSED"));
  });
}
