/**
 * `deploy check` through the system's ssh and a real sshd, which serves one connection at the other end of a pipe.
 */
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runCommand, type Result } from "../support/run-command.ts";

let directory: string;
const at = (name: string): string => join(directory, name);
const key = (name: string): string => {
  execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", at(name)]);
  return readFileSync(at(`${name}.pub`), "utf8");
};
const check = (host = "host"): Promise<Result> =>
  runCommand(["deploy", "check", host, at("gateway"), "--ssh-config", at("ssh.conf"), "--json"], {
    cwd: directory,
  });
const found = ({ stdout }: Result) =>
  Object.fromEntries(
    (JSON.parse(stdout) as { id: string; verdict: string; seen: string }[]).map((one) => [
      one.id,
      one,
    ]),
  );

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "deploy-"));
  if (userInfo().uid === 0) mkdirSync("/run/sshd", { recursive: true });
  const [host, other, login] = [key("host"), key("other"), key("login")];
  key("stranger");
  writeFileSync(at("authorized"), login);
  mkdirSync(at("bin"));
  for (const name of ["systemctl", "traefik", "mcp-gateway"]) {
    writeFileSync(join(at("bin"), name), "#!/bin/sh\n", { mode: 0o755 });
  }
  const path = [at("bin"), dirname(process.execPath), "/usr/bin", "/bin"].join(delimiter);
  const sshd = [
    `HostKey ${at("host")}`,
    `AuthorizedKeysFile ${at("authorized")}`,
    `SetEnv PATH=${path}`,
    "StrictModes no",
    "PasswordAuthentication no",
    "KbdInteractiveAuthentication no",
  ];
  writeFileSync(at("sshd.conf"), `${sshd.join("\n")}\n`);
  writeFileSync(at("known"), `host ${host}impostor ${other}refused ${host}`);
  const ssh = [
    `ProxyCommand /usr/sbin/sshd -i -f ${at("sshd.conf")}`,
    `User ${userInfo().username}`,
    `UserKnownHostsFile ${at("known")}`,
    "GlobalKnownHostsFile /dev/null",
    "IdentitiesOnly yes",
    "IdentityAgent none",
    "Host refused",
    `IdentityFile ${at("stranger")}`,
    "Host *",
    `IdentityFile ${at("login")}`,
  ];
  // The first value wins in ssh_config, but identities add up.
  writeFileSync(at("ssh.conf"), `${ssh.join("\n").replace("Host *", "Host host impostor")}\n`);
  const words = "gateway --yes --domain gw.example.com --allow *@example.com --service echo";
  await runCommand(["init", ...words.split(" "), "--target", "systemd"], { cwd: directory });
  const config = readFileSync(at("gateway/mcp-gateway.yaml"), "utf8");
  writeFileSync(
    at("gateway/mcp-gateway.yaml"),
    config.replace("https://gw.example.com", "https://localhost"),
  );
  const env = readFileSync(at("gateway/.env"), "utf8");
  writeFileSync(at("gateway/.env"), env.replaceAll(/^(\w+)=$/gm, "$1=filled-in"));
});
afterAll(() => rmSync(directory, { recursive: true }));

describe("deploy check", () => {
  it("passes a host that has everything", async () => {
    const result = await check();
    expect(result).toMatchObject({ stderr: "" });
    const { "deploy-dns": dns, "deploy-disk": disk, ...others } = found(result);
    expect([dns!.seen, disk!.seen]).toEqual([
      expect.stringContaining("127.0.0.1"),
      expect.stringContaining("GiB free"),
    ]);
    const ids = ["secrets", "rights", "systemd", "node", "programs", "clock", "ports"];
    expect(Object.values(others).map(({ id, verdict }) => [id, verdict])).toEqual(
      ids.map((id) => [`deploy-${id}`, "passed"]),
    );
  });

  it("exits 1 and names what the host and the folder lack", async () => {
    rmSync(join(at("bin"), "traefik"));
    chmodSync(at("gateway/.env"), 0o644);
    const result = await check();
    expect(result.code).toBe(1);
    expect(found(result)).toMatchObject({
      "deploy-programs": { verdict: "failed", seen: "no traefik" },
      "deploy-secrets": { verdict: "failed", seen: ".env has mode 0644" },
    });
  });

  it.each([
    ["impostor", "another host key"],
    ["refused", "Permission denied"],
    ["unknown", "Nobody could log in"],
  ])("says why the login at %s failed", async (host, words) => {
    const result = await check(host);
    expect(result.code).toBe(1);
    expect(result.stdout + result.stderr).toContain(words);
    expect(result.stdout + result.stderr).not.toContain("u{d}");
  });

  it("asks for a deployment first where there is none", async () => {
    const result = await runCommand(["deploy", "check", "host", at("bin")], { cwd: directory });
    expect(result.code).toBe(2);
    expect(result.stderr).toContain("mcp-gateway init --target systemd");
  });
});
