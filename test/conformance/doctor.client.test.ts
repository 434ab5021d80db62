/**
 * `doctor --as`: the whole way of a client, with a login where the browser comes back to this machine; and the command.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { examineAs } from "../../src/client/doctor/as-client.ts";
import { lookInside } from "../../src/client/doctor/local.ts";
import { emulations } from "../../src/client/emulation/index.ts";
import { connectControl } from "../../src/control.ts";
import { approve, createFormBrowser } from "../support/form-browser.ts";
import { fixture, startGateway } from "../support/gateway.ts";
import { spawnGateway, type GatewayProcess } from "../support/gateway-process.ts";
import { runCommand } from "../support/run-command.ts";

let cwd: string;
let gateway: GatewayProcess;

beforeAll(async () => {
  cwd = mkdtempSync(join(tmpdir(), "mcpg-doctor-"));
  gateway = await spawnGateway({ cwd });
});
afterAll(async () => {
  await gateway.kill("SIGTERM");
  rmSync(cwd, { recursive: true });
});

const clients = () => connectControl(join(cwd, ".mcp-gateway")).clients();

/** A browser of this machine: allows, and follows the way back. */
async function present({ url }: { url: string }): Promise<void> {
  const back = await approve(url);
  const page = await fetch(back);
  expect(page.status).toBe(200);
}

describe("a client that comes back to this machine", () => {
  const loopback = ["claude-code", "vscode", "mcp-remote", "gemini", "codex"];

  it.each(loopback)("%s goes the whole way, and leaves nothing behind", async (id) => {
    const emulation = emulations.get(id)!;
    const { results } = await examineAs({ url: gateway.resource, emulation, present });
    const bad = results.filter(({ verdict }) => verdict === "failed");
    expect(bad).toEqual([]);
    const steps = results.flatMap(({ id: step, verdict }) => (verdict === "passed" ? [step] : []));
    expect(steps.at(-1)).toBe("as-refresh");
    expect(await clients()).toEqual([]);
  });
});

describe("a client that comes back to its own site", () => {
  it("is followed to the login page, and what was not looked at is said", async () => {
    const emulation = emulations.get("claude")!;
    const { results } = await examineAs({ url: gateway.resource, emulation, present });
    expect(results.map(({ id, verdict }) => `${id} ${verdict}`)).toEqual([
      "as-knock passed",
      "as-discover passed",
      "as-document skipped",
      "as-register passed",
      "as-authorize passed",
      "as-token skipped",
    ]);
    expect(results.at(-1)!.seen).toContain("https://claude.ai");
  });
});

describe("the gateway's own word", () => {
  it("says why somebody did not get in, and leaves the doctor's visits out", async () => {
    const emulation = emulations.get("codex")!;
    const refuse = async ({ url }: { url: string }): Promise<void> => {
      const browser = createFormBrowser();
      const consent = await browser.press(await browser.open(url), /Continue/);
      await fetch((await browser.press(consent, /Cancel/)).left!);
    };
    const refused = await examineAs({ url: gateway.resource, emulation, present: refuse });
    expect(refused.results.at(-1)).toMatchObject({ id: "as-authorize", verdict: "failed" });
    const { url, groups } = await lookInside(connectControl(join(cwd, ".mcp-gateway")));
    expect(url).toBe(gateway.resource);
    const [services, logins] = groups;
    expect(services!.results).toMatchObject([{ title: "echo is well", verdict: "passed" }]);
    expect(logins!.results[0]).toMatchObject({
      title: "Codex did not get in",
      verdict: "warning",
      seen: expect.stringContaining("pressed Cancel") as string,
    });
  });
});

describe("rules about tools", () => {
  it("are said in words, and what can never be used is found", async () => {
    const folder = mkdtempSync(join(tmpdir(), "mcpg-doctor-rules-"));
    const echo = {
      command: process.execPath,
      args: [fixture("echo.js")],
      permissions: "all" as const,
    };
    const config = {
      publicUrl: "http://localhost:0",
      listen: { host: "localhost", port: 0 },
      services: {
        echo: { ...echo, tools: { allow: ["read_*", "delete_x"], deny: ["delete_*"] } },
        open: echo,
        some: { ...echo, policies: [{ for: ["local:ada"] }] },
      },
    };
    const ruled = await startGateway({ config, stateDirectory: folder });
    const { groups } = await lookInside(connectControl(folder));
    await ruled.close();
    rmSync(folder, { recursive: true });
    expect(groups.find(({ title }) => title === "Rules")!.results).toMatchObject([
      {
        id: "rules",
        verdict: "warning",
        seen: "tools: only read_*, delete_x; never delete_*.",
        next: expect.stringContaining("services.echo.tools.allow.1") as string,
      },
      {
        id: "rules",
        verdict: "passed",
        seen: "policies.0 for local:ada: everything of that. nothing for whom no policy is.",
        next: expect.stringContaining("service explain some") as string,
      },
    ]);
  });
});

describe("the command", () => {
  const run = (...argv: string[]) => runCommand(["doctor", ...argv], { cwd });

  it("looks at the gateway of this folder and finds nothing wrong", async () => {
    const { code, stdout, stderr } = await run();
    expect(stderr).toBe("");
    expect(stdout).toMatch(/^Services\n {2}✓ echo is well/m);
    expect(stdout).toMatch(/\d+ passed, \d+ not looked at/);
    expect(stdout).not.toContain("✗");
    expect(code).toBe(0);
  });

  it("ends with 1 and says the next step when something is wrong", async () => {
    const { code, stdout } = await run(`${gateway.url}/nothing/mcp`, "--json");
    const { results } = JSON.parse(stdout) as { results: { id: string; verdict: string }[] };
    expect(results).toContainEqual(
      expect.objectContaining({ id: "bare-path", verdict: "failed", next: expect.any(String) }),
    );
    expect(code).toBe(1);
  });

  it("says what a check is about, and which there are", async () => {
    expect((await run("--explain", "cors-challenge")).stdout).toContain("Access-Control-Expose");
    const { code, stderr } = await run("--explain", "nonsense");
    expect(stderr).toContain("user-agent");
    expect(code).toBe(1);
  });

  it("stops before the login without a terminal", async () => {
    const { code, stdout } = await run(gateway.resource, "--as", "codex");
    expect(stdout).toContain("nobody is here to log in");
    expect(code).toBe(0);
  });

  it("tells a server that is not there from one that is wrong", async () => {
    const { code, stdout } = await run("http://127.0.0.1:1/mcp");
    expect(stdout).toMatch(/✗ Somebody answers \[reach\]/);
    expect(code).toBe(1);
    expect((await run("ftp://example.com")).code).toBe(2);
  });
});
