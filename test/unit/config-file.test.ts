import { mkdtempSync, realpathSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { ConfigInput } from "../../src/config.ts";
import {
  checkConfigText,
  loadConfig,
  makeConfig,
  refuseUnsafe,
  serviceNameFor,
} from "../../src/config-file.ts";
import { UserError } from "../../src/errors.ts";

const directory = realpathSync(mkdtempSync(join(tmpdir(), "config-")));
const file = join(directory, "mcp-gateway.yaml");
const thrownBy = (action: () => unknown): UserError => {
  try {
    action();
  } catch (error) {
    if (error instanceof UserError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
};

const config = (change: Partial<ConfigInput>) =>
  makeConfig({
    publicUrl: "http://localhost:8080",
    services: { a: { command: "a" } },
    ...change,
  });

describe("checkConfigText", () => {
  it("names the line of every mistake", () => {
    const { config, issues } = checkConfigText(
      [
        "publicUrl: http://gw.example.com",
        "listen:",
        "  host: 127.0.0.1",
        "  port: eighty",
        "tokens: { accessToken: soon }",
        "services:",
        "  files:",
        "    command: npx",
        "    args: [-y, 7]",
        "colour: blue",
      ].join("\n"),
    );
    expect(config).toBeUndefined();
    expect(Object.fromEntries(issues.map(({ path, line }) => [path, line]))).toEqual({
      publicUrl: 1,
      "listen.port": 4,
      "tokens.accessToken": 5,
      "services.files.args.1": 9,
      "": 1,
    });
  });

  it("names the line of the parent when a member is missing", () => {
    const { issues } = checkConfigText(
      "publicUrl: https://a.example\nservices:\n  files:\n    args: []\n",
    );
    expect(issues).toMatchObject([{ path: "services.files.command", line: 4 }]);
  });

  it("names the line where the YAML itself breaks", () => {
    const { issues } = checkConfigText("publicUrl: https://a.example\nservices: [\n");
    expect(issues[0]?.line).toBeGreaterThanOrEqual(2);
  });

  it.each(["", "# nothing", "null", "[]", "7", "text"])("refuses the file %j", (text) => {
    expect(checkConfigText(text).issues).not.toEqual([]);
  });

  it("does not follow aliases into a bomb", () => {
    const bomb = ["a: &a [x,x,x,x,x,x,x,x,x]"];
    for (let level = 0; level < 9; level++) {
      const [here, next] = [String.fromCodePoint(97 + level), String.fromCodePoint(98 + level)];
      bomb.push(`${next}: &${next} [${`*${here},`.repeat(9)}]`);
    }
    expect(() => checkConfigText(bomb.join("\n"))).not.toThrow();
  });
});

describe("loadConfig", () => {
  it("reads paths relative to the file", () => {
    writeFileSync(
      file,
      "publicUrl: https://a.example\nservices: { files: { command: npx, cwd: sub } }\n",
    );
    const { config } = loadConfig({ file });
    expect(config.store.path).toBe(join(directory, ".mcp-gateway"));
    expect(config.services["files"]).toMatchObject({ cwd: join(directory, "sub") });
    expect(loadConfig({ directory }).file).toBe(file);
  });

  it("takes a service for the kind it comes nearest to", () => {
    const mistakes = (entry: object): string => {
      try {
        makeConfig({ publicUrl: "https://a.example", services: { files: entry as never } });
        return "";
      } catch (error) {
        return (error as Error).message;
      }
    };
    expect(mistakes({ url: "https://b.example/mcp", headers: { "X-Key": "1" } })).toBe("");
    expect(mistakes({ url: "http://b.example/mcp" })).toMatch(
      /1 mistake:\n {2}services.files.url: must be https/,
    );
    expect(mistakes({ command: "npx", permissions: { net: "yes" } })).toMatch(
      /1 mistake:\n {2}services.files.permissions.net: /,
    );
    expect(mistakes({ command: "npx", url: "https://b.example/mcp" })).toMatch(/1 mistake/);
  });

  it("lists all mistakes in one error with exit 2", () => {
    writeFileSync(file, "publicUrl: https://a.example/\nservices: {}\n");
    const error = thrownBy(() => loadConfig({ file }));
    expect(error.exitCode).toBe(2);
    expect(error.message).toContain("has 2 mistakes:");
    expect(error.message).toContain("line 1: publicUrl: must not end in a slash");
    expect(error.message).toContain("line 2: services: name at least one service");
  });

  it("says what to do without a file", () => {
    expect(thrownBy(() => loadConfig({ directory: "/" })).hint).toContain("mcp-gateway dev -- ");
    expect(thrownBy(() => loadConfig({ file: "/nowhere.yaml" })).message).toBe(
      "Cannot read /nowhere.yaml",
    );
  });
});

describe("refuseUnsafe", () => {
  it("lets a gateway for this machine pass", () => {
    expect(() => refuseUnsafe(config({}))).not.toThrow();
  });

  it.each([
    [
      { publicUrl: "https://gw.example.com" },
      "The local identity provider lets in whoever reaches https://gw.example.com",
    ],
    [
      { listen: { host: "0.0.0.0" } },
      "The local identity provider lets in whoever reaches 0.0.0.0:8080",
    ],
    [{ listen: { host: "::" } }, "The local identity provider lets in whoever reaches"],
    [{ trustedProxies: ["0.0.0.0/0"] }, "trustedProxies 0.0.0.0/0 believes"],
    [{ trustedProxies: ["::/0"] }, "trustedProxies ::/0 believes"],
  ])("refuses %j in one sentence with a next step", (change, sentence) => {
    const error = thrownBy(() => refuseUnsafe(config(change)));
    expect(error.message).toContain(sentence);
    expect(error.hint).toMatch(/\.$/);
    expect(error.exitCode).toBe(2);
  });
});

describe("serviceNameFor", () => {
  it.each([
    ["npx -y @modelcontextprotocol/server-everything", "everything"],
    ["npx -y @modelcontextprotocol/server-filesystem@2025.1.1 /srv/files", "filesystem"],
    ["uvx mcp-server-git --repository .", "git"],
    ["node ./dist/index.js", "server"],
    ["node /home/me/weather-mcp/dist/index.js", "weather"],
    ["python3 notes_server.py", "notes"],
    ["docker run -i mcp/fetch", "fetch"],
    ["/usr/local/bin/github-mcp-server stdio", "github"],
    ["./Mein Server!.sh", "mein"],
    ["token", "server"],
    ["/usr/bin/node /srv/echo.js", "echo"],
    ["ü", "server"],
  ])("calls %s %s", (command, name) => {
    expect(serviceNameFor(command.split(" "))).toBe(name);
  });
});
