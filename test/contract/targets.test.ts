/**
 * Every target of `templates/`, with every configuration it may get: its files are whole, and their own tools and schemas
 * take them. A new folder is tested without a line here.
 */
import { Ajv2020 } from "ajv/dist/2020.js";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import { checkConfigText, refuseUnsafe } from "../../src/config-file.ts";
import { requirePermissions } from "../../src/config/granting.ts";
import { parseAllow, parseIdentity, type Answers } from "../../src/scaffold/answers.ts";
import { deploymentFiles, templateValues, variablesOf } from "../../src/scaffold/deployment.ts";
import { gatewayFile } from "../../src/scaffold/gateway-file.ts";
import { parseServices } from "../../src/scaffold/services.ts";
import { listTargets, type RenderedFile, type Target } from "../../src/scaffold/target.ts";

const folder = mkdtempSync(join(tmpdir(), "targets-"));
afterAll(() => rmSync(folder, { recursive: true }));

const targets = listTargets();
const here = { directory: folder, environment: process.env, program: "bin/run.js" };

const CHOICES = {
  store: ["lowdb", "redis"],
  routing: ["path", "subdomain"],
  identity: ["github", "google 1.apps.example", "https://id.example.com/realms/a"],
  services: [
    ["search=https://mcp.example.com/mcp"],
    ["echo", "memory", `filesystem folder=${folder}`, "notes=node notes.js"],
  ],
} as const;

const configurations = CHOICES.store.flatMap((store) =>
  CHOICES.routing.flatMap((routing) =>
    CHOICES.identity.flatMap((identity) =>
      CHOICES.services.map((services) => ({ store, routing, identity, services })),
    ),
  ),
);

function answersFor(wishes: (typeof configurations)[number], target: Target): Answers {
  const identity = parseIdentity(wishes.identity);
  return {
    domain: "gw.example.com",
    identity,
    allow: parseAllow(["*@example.com"], identity),
    services: parseServices(wishes.services, target, here),
    store: wishes.store,
    routing: wishes.routing,
    email: "ada@example.com",
  };
}

function render(answers: Answers, target: Target): { main: string; files: RenderedFile[] } {
  const main = gatewayFile(answers, target);
  const { config, issues } = checkConfigText(main);
  if (config === undefined) throw new Error(JSON.stringify(issues));
  refuseUnsafe(config);
  requirePermissions(config, "mcp-gateway.yaml");
  const variables = variablesOf(answers, target, () => "random").map(({ name }) => name);
  return {
    main,
    files: deploymentFiles(config, target, templateValues(config, target, "1.2.3", variables)),
  };
}

/** What judges a file, by its name: the first that fits. @returns what is wrong with it */
const JUDGES: readonly [name: RegExp, judge: (text: string, path: string) => unknown][] = [
  [/(?:^|\/)compose\.yaml$/, composeProblems],
  [/\.ya?ml$/, (text) => yamlOf(text) && undefined],
  [/\.json$/, (text) => void JSON.parse(text)],
  [/\.service$/, (text, path) => unitProblems(text, path)],
  [/\.sh$/, (text) => spawnSync("sh", ["-n"], { input: text, encoding: "utf8" }).stderr],
];

function yamlOf(text: string): unknown[] {
  return parseAllDocuments(text).map((document) => {
    expect([...document.errors, ...document.warnings]).toEqual([]);
    return document.toJS() as unknown;
  });
}

/** The published schema of the Compose specification, as compose-go 2.16 has it. */
const schema = fileURLToPath(
  new URL("../support/fixture/compose-spec.schema.json", import.meta.url),
);
const isCompose = new Ajv2020({ strict: false, validateFormats: false }).compile(
  JSON.parse(readFileSync(schema, "utf8")) as object,
);

function composeProblems(text: string): unknown {
  const [content] = yamlOf(text);
  return isCompose(content) ? undefined : isCompose.errors;
}

/** Units of the host it names need not be there; that it parses, and that what it starts exists, is judged. */
function unitProblems(text: string, path: string): string {
  const file = join(folder, path);
  writeFileSync(file, text);
  writeFileSync(join(folder, "redis-server.service"), "[Service]\nExecStart=/bin/true\n");
  const { stdout, stderr, error } = spawnSync(
    "systemd-analyze",
    ["verify", "--man=no", "--recursive-errors=one", file],
    { encoding: "utf8", env: { ...process.env, SYSTEMD_UNIT_PATH: `${folder}:` } },
  );
  return error === undefined ? stdout + stderr : error.message;
}

describe.each(targets.map((target) => [target.name, target] as const))("target %s", (_, target) => {
  it("makes whole files of every configuration, and each passes its judge", () => {
    const judged = new Set<string>();
    for (const wishes of configurations) {
      const { main, files } = render(answersFor(wishes, target), target);
      expect(files.length).toBeGreaterThan(3);
      for (const { path, text } of [{ path: "mcp-gateway.yaml", text: main }, ...files]) {
        const where = `${path} with ${JSON.stringify(wishes)}`;
        expect(text, where).not.toMatch(/undefined|\[object|NaN|<%|%>|[ \t]$/m);
        expect(text, where).toMatch(/[^\n]\n$/);
        // The same text was judged already.
        if (judged.has(text)) continue;
        judged.add(text);
        const [, judge] = JUDGES.find(([name]) => name.test(path)) ?? [];
        expect(judge?.(text, path) ?? "", where).toBe("");
      }
    }
    expect(judged.size).toBeGreaterThan(configurations.length);
  });

  it("says what it is and what comes next", () => {
    expect(target.title).not.toBe("");
    expect(target.summary).toMatch(/\.$/);
    expect(target.next.length).toBeGreaterThan(0);
  });
});

describe("targets", () => {
  it("are several, one of which is chosen where nobody chooses", () => {
    expect(targets.length).toBeGreaterThan(2);
    expect(targets.map(({ isDefault }) => isDefault).filter(Boolean)).toEqual([true]);
  });
});
