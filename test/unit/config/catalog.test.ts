import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { makeConfig } from "../../../src/config-file.ts";
import {
  catalogEntry,
  fillEntry,
  readCatalog,
  type CatalogEntry,
} from "../../../src/config/catalog.ts";
import { launcherFor } from "../../../src/config/install-package.ts";
import { newService } from "../../../src/config/new-service.ts";

let base: string;
let environment: NodeJS.ProcessEnv;
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "catalog-"));
  environment = { PATH: join(base, "bin") };
  mkdirSync(join(base, "bin"));
});
afterEach(() => rmSync(base, { recursive: true }));

/** A program that is on PATH. */
function provide(name: string): string {
  const file = join(base, "bin", name);
  writeFileSync(file, "#!/bin/sh\n");
  chmodSync(file, 0o755);
  return file;
}

const places = () => ({ base, here: base, environment, program: "/opt/mcp-gateway/bin/run.js" });
const wishes = { command: [], allow: {}, isInstalling: true };
const make = (name: string, more: object = {}) =>
  newService(name, { ...wishes, ...more }, places());

describe.each(readCatalog().map((entry) => [entry.name, entry] as const))(
  "the entry %s",
  (name, { parameters, reaches, summary, package: wanted }) => {
    it.each([true, false])("makes a correct service (installed: %s)", (isInstalling) => {
      for (const program of ["tmux", "chromium", "uvx"]) provide(program);
      const needed = Object.entries(parameters).filter(([, one]) => one.default === undefined);
      const param = needed.map(([parameter]) => `${parameter}=${base}`);
      const { entry } = make(name, { param, isInstalling });
      const { services } = makeConfig({
        publicUrl: "http://localhost:1",
        services: { [name]: entry as { command: string } },
      });
      expect(services[name]).toMatchObject({ permissions: expect.anything() });
      expect(JSON.stringify(entry)).not.toMatch(/\{[a-z]+\}/);
    });

    it("says what it does and what it reaches, and fixes its version", () => {
      for (const text of [summary, reaches]) expect(text).toMatch(/^[A-Z].{5,}\.$/s);
      if ("version" in wanted) expect(wanted.version).toMatch(/^\d+\.\d+\.\d+$/);
    });
  },
);

describe("filling in parameters", () => {
  const entry: CatalogEntry = {
    ...catalogEntry("playwright"),
    needs: [],
    service: {
      args: ["--b={browser}", "{options}", "{folder}"],
      env: { AT: "{folder}/x", KEEP: "${NAME}" },
    },
  };

  it("takes the first program that is there, words apart, and folders of its own to make", () => {
    const chrome = provide("google-chrome");
    const filled = fillEntry(entry, { options: " --one  --two=2 " }, { ...places() });
    const folder = join(base, "mcp-playwright");
    // A machine that has one of the absolute paths takes that one.
    expect(filled.service.args[0]).toMatch(new RegExp(`^--b=(?:${chrome}|/usr/lib|/opt/google)`));
    expect(filled.service.args.slice(1)).toEqual(["--one", "--two=2", folder]);
    expect(filled.service["env"]).toEqual({ AT: `${folder}/x`, KEEP: "${NAME}" });
    expect(filled.folders).toEqual([folder]);
  });

  it("takes folders that somebody named from where that was, and makes none of those", () => {
    mkdirSync(join(base, "mine"));
    const given = { folder: "mine", browser: provide("any") };
    const filled = fillEntry(entry, given, { ...places(), base: "/elsewhere" });
    expect(filled.service.args.at(-1)).toBe(join(base, "mine"));
    expect(filled.folders).toEqual([]);
  });

  it.each([
    [{ browser: "not-there" }, "needs one of: not-there"],
    [{ folder: "not-there" }, "There is no folder"],
    [{ colour: "red" }, "has no parameter colour"],
  ])("refuses %j", (given, sentence) => {
    expect(() => fillEntry(entry, given, places())).toThrow(sentence);
  });

  it("names a program that is missing", () => {
    expect(() => make("tmux")).toThrow("tmux needs tmux, which is not on PATH");
  });
});

describe("the way a package is started", () => {
  const options = (isInstalling = true) => ({ ...places(), isInstalling });
  const memory = catalogEntry("memory");
  const version = (memory.package as { version: string }).version;

  it("is from beside the configuration", () => {
    const launcher = launcherFor(memory, options());
    const script =
      "mcp-servers/memory/node_modules/@modelcontextprotocol/server-memory/dist/index.js";
    expect(launcher).toMatchObject({ command: "node", args: [script], needsNetwork: false });
    expect(launcher.task).toBe(
      `@modelcontextprotocol/server-memory ${version} into mcp-servers/memory`,
    );
    expect(launcherFor(catalogEntry("time"), options())).toMatchObject({
      command: expect.stringMatching(/^mcp-servers\/time\/(?:bin|Scripts)\/python/),
      args: ["-m", "mcp_server_time"],
      needsNetwork: false,
    });
  });

  it("is the project's own, where that is the very version", () => {
    const module = join(base, "node_modules/@modelcontextprotocol/server-memory");
    mkdirSync(module, { recursive: true });
    writeFileSync(join(module, "package.json"), JSON.stringify({ version }));
    const found = launcherFor(memory, options(false));
    expect(found.args).toEqual(["node_modules/@modelcontextprotocol/server-memory/dist/index.js"]);
    expect(found.install).toBeUndefined();
    writeFileSync(join(module, "package.json"), JSON.stringify({ version: "0.0.1" }));
    expect(launcherFor(memory, options()).install).toBeTypeOf("function");
  });

  it("is a launcher with the network, when nothing may be installed", () => {
    expect(launcherFor(memory, options(false))).toEqual({
      command: "npx",
      args: ["-y", `@modelcontextprotocol/server-memory@${version}`],
      needsNetwork: true,
    });
    const tmux = catalogEntry("tmux");
    expect(launcherFor(tmux, options(false))).toMatchObject({ command: "python3" });
    provide("uvx");
    const [, , what] = launcherFor(tmux, options(false)).args;
    expect(launcherFor(tmux, options(false))).toMatchObject({ command: "uvx", needsNetwork: true });
    expect(what).toMatch(/^tmux-mcp@/);
  });

  it("is this program itself, by its name where that is on PATH", () => {
    const echo = catalogEntry("echo");
    expect(launcherFor(echo, options())).toMatchObject({
      command: process.execPath,
      args: ["/opt/mcp-gateway/bin/run.js", "echo"],
    });
    provide("mcp-gateway");
    expect(launcherFor(echo, options())).toMatchObject({ command: "mcp-gateway", args: ["echo"] });
  });
});

describe("a new service", () => {
  it("adds what is granted to what its entry needs", () => {
    const param = [`folder=${base}`];
    const allow = { read: ["more"], write: [base], net: true, run: ["git"] };
    expect(make("filesystem", { param, allow }).entry["permissions"]).toEqual({
      read: [join(base, "more")],
      write: [base],
      run: ["git"],
      net: true,
    });
    expect(make("time", { allow: { all: true } }).entry["permissions"]).toBe("all");
  });

  it("that uses the network is told of what this machine may need for that", () => {
    environment["NODE_EXTRA_CA_CERTS"] = "/etc/ca.pem";
    const sentence = expect.stringContaining("--allow-env NODE_EXTRA_CA_CERTS");
    expect(make("fetch").remarks).toContainEqual(sentence);
    const allow = { env: ["NODE_EXTRA_CA_CERTS"] };
    expect(make("fetch", { allow }).remarks).not.toContainEqual(sentence);
    expect(make("time").remarks).not.toContainEqual(sentence);
  });

  it("that may reach nothing says so in the file and to the person", () => {
    const made = make("x", { command: ["node", "x.js"] });
    expect(made.entry).toEqual({ command: "node", args: ["x.js"], permissions: {} });
    expect(made.remarks).toEqual([expect.stringContaining("may reach nothing")]);
  });
});
