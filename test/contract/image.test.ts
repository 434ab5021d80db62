/**
 * The container image without a container engine: the build stage of the Dockerfile, step by step, in a folder; and what comes
 * out of it starts and has nothing in it that is only needed to build.
 */
import { spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";

const root = fileURLToPath(new URL("../../", import.meta.url));
const textOf = (path: string): string => readFileSync(join(root, path), "utf8");
const dockerfile = textOf("Dockerfile").replaceAll(/\\\n\s*/g, "");
const [build = "", image = ""] = dockerfile.split(/^FROM .*$/m).slice(1);
const linesOf = (stage: string, word: string): string[] =>
  [...stage.matchAll(new RegExp(`^${word} (.+)$`, "gm"))].map(([, rest]) => rest!);

describe("the image", () => {
  let folder: string;
  let context: string;
  const run = (command: string, args: string[], cwd: string) =>
    spawnSync(command, args, { cwd, encoding: "utf8", env: { ...process.env, NODE_ENV: "" } });

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "image-"));
    context = join(folder, "build");
    for (const name of textOf(".dockerignore").matchAll(/^!(.+)$/gm)) {
      cpSync(join(root, name[1]!), join(context, name[1]!), { recursive: true });
    }
    // What the first step fetches is here already.
    symlinkSync(join(root, "node_modules"), join(context, "node_modules"));
    const [first, ...steps] = linesOf(build, "RUN");
    expect(first).toMatch(/^npm install /);
    for (const step of steps) {
      const { status, stdout, stderr } = run("sh", ["-c", step], context);
      if (status !== 0) throw new Error(`${step}\n${stdout}\n${stderr}`);
    }
  }, 240_000);
  afterAll(() => rmSync(folder, { recursive: true }));

  it("starts as built, and makes a deployment from its templates", () => {
    const version = (JSON.parse(textOf("package.json")) as { version: string }).version;
    const own = join(context, "package", "bin", "run.js");
    const { stdout } = run(process.execPath, [own, "--version"], folder);
    expect(stdout).toContain(`mcp-gateway/${version} `);
    const flags = ["--yes", "--domain", "gw.example.com", "--allow", "*@example.com"];
    const { status, stderr } = run(process.execPath, [own, "init", "made", ...flags], folder);
    expect({ status, stderr }).toMatchObject({ status: 0 });
    expect(existsSync(join(folder, "made", "mcp-gateway.yaml"))).toBe(true);
  });

  it("has what is published and its dependencies, nothing that builds or tests", () => {
    const inside = readdirSync(join(context, "package")).toSorted();
    expect(inside).toEqual([
      ...["CHANGELOG.md", "LICENSE", "README.md", "bin", "dist", "node_modules"],
      ...["oclif.manifest.json", "package.json", "templates"],
    ]);
    const { dependencies, devDependencies } = JSON.parse(textOf("package.json")) as Record<
      string,
      object
    >;
    const isThere = (name: string): boolean =>
      existsSync(join(context, "package", "node_modules", name, "package.json"));
    expect(Object.keys(dependencies!).filter((name) => !isThere(name))).toEqual([]);
    for (const name of ["typescript", "vitest", "oclif", "oidc-provider", "playwright-core"]) {
      expect(devDependencies).toHaveProperty([name]);
      expect(isThere(name), name).toBe(false);
    }
  });

  it("runs without root, says whether it is well, and starts through a process that reaps", () => {
    expect(linesOf(image, "USER")).toEqual(["1000:1000"]);
    expect(linesOf(image, "ENTRYPOINT")).toEqual(['["tini", "--"]']);
    expect(image).toMatch(/^HEALTHCHECK .*\/healthz/m);
    expect(linesOf(dockerfile, "FROM").every((from) => from.startsWith("node:${NODE}"))).toBe(true);
    expect(linesOf(dockerfile, "ARG")).toEqual([expect.stringMatching(/^NODE=\d+\.\d+\.\d+-/)]);
  });
});

describe("the workflows", () => {
  const files = readdirSync(join(root, ".github", "workflows"));

  it.each(files)("%s gives no permission that a job does not name", (file) => {
    const workflow = parse(textOf(join(".github", "workflows", file))) as {
      permissions: object;
      jobs: Record<string, { permissions: Record<string, string>; "timeout-minutes": number }>;
    };
    expect(workflow.permissions).toEqual({});
    for (const job of Object.values(workflow.jobs)) {
      expect(job.permissions["contents"]).toBe("read");
      expect(job["timeout-minutes"]).toBeGreaterThan(0);
    }
  });
});
