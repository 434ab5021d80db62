/**
 * One fact, one place: the tables of the README are made from the code. `UPDATE_README=1` writes them anew.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { configJsonSchema } from "../../src/config.ts";
import { readCatalog, type CatalogEntry } from "../../src/config/catalog.ts";
import { OAUTH_ERRORS } from "../../src/errors.ts";
import type { ServerContext } from "../../src/server/context.ts";
import { doorRoutes, routes } from "../../src/server/routes.ts";
import { root, sourceFiles } from "./source-files.ts";

const file = join(root, "README.md");

interface Member {
  description?: string;
  default?: unknown;
  properties?: Record<string, Member>;
  additionalProperties?: Member | boolean;
  anyOf?: Member[];
  oneOf?: Member[];
  items?: Member;
}

const table = (head: string[], rows: string[][]): string =>
  [head, head.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");

const code = (text: string): string => `\`${text.replaceAll("|", "\\|")}\``;

function endpoints(): string {
  // The table is built without asking anything of the context but its issuer.
  const rows = routes({ issuer: "https://gw.example.com" } as ServerContext);
  return table(
    ["Method", "Path", "Specification"],
    [
      ...rows.map(([method, path, , , specification]) => [method, code(path), specification]),
      ...doorRoutes.map(([path, specification]) => ["*", code(path), specification]),
    ],
  );
}

function errors(): string {
  const rows = Object.entries(OAUTH_ERRORS).map(([name, { status, spec }]) => [
    code(name),
    String(status),
    spec,
  ]);
  return table(["Code", "Status", "Specification"], rows);
}

function configuration(): string {
  const rows = new Map<string, string[]>();
  const visit = (member: Member, path: string): void => {
    for (const variant of [...(member.anyOf ?? []), ...(member.oneOf ?? [])]) visit(variant, path);
    if (member.items) visit(member.items, `${path}[]`);
    const { additionalProperties } = member;
    if (typeof additionalProperties === "object") visit(additionalProperties, `${path}.<name>`);
    for (const [name, child] of Object.entries(member.properties ?? {})) {
      const at = path === "" ? name : `${path}.${name}`;
      const usual = child.default !== undefined && JSON.stringify(child.default) !== "{}";
      const row = [
        code(at),
        usual ? code(JSON.stringify(child.default)) : "",
        (child.description ?? "").replaceAll("<", "&lt;"),
      ];
      rows.set(row.join(" "), row); // what two shapes of a member share is said once
      visit(child, at);
    }
  };
  visit(configJsonSchema(), "");
  return table(["Member", "Default", "Meaning"], [...rows.values()]);
}

function catalog(): string {
  const packageOf = (source: CatalogEntry["package"]): string => {
    if ("own" in source) return "part of mcp-gateway";
    return "npm" in source ? `npm ${code(source.npm)}` : `PyPI ${code(source.pypi)}`;
  };
  return table(
    ["Name", "Package", "What it does", "What it reaches"],
    readCatalog().map((entry) => [
      code(entry.name),
      packageOf(entry.package),
      entry.summary,
      entry.reaches,
    ]),
  );
}

function withBlock(text: string, name: string, content: string): string {
  const block = new RegExp(`(<!-- begin: ${name} -->\n)[\\s\\S]*?(<!-- end: ${name} -->)`);
  expect(text).toMatch(block);
  return text.replace(block, (_, begin: string, end: string) => `${begin}\n${content}\n\n${end}`);
}

/** The formatter pads table cells; padding says nothing. */
const squeezed = (text: string): string =>
  text.replaceAll(/ {2,}/g, " ").replaceAll(/-{3,}/g, "---");

describe("the README", () => {
  it.each([
    ["routes", endpoints, 15],
    ["errors", errors, 15],
    ["configuration", configuration, 25],
    ["catalog", catalog, 8],
  ] as const)("has the %s as they are in the code", (name, render, least) => {
    const text = readFileSync(file, "utf8");
    const content = render();
    expect(content.split("\n").length).toBeGreaterThan(least);
    const expected = withBlock(text, name, content);
    if (process.env.UPDATE_README) writeFileSync(file, expected);
    else expect(squeezed(text)).toBe(squeezed(expected));
  });

  it("describes every member of the configuration", () => {
    expect(configuration()).not.toMatch(/\| {2}\|$/m);
  });
});

describe("error codes", () => {
  const tests = sourceFiles("test/conformance");

  it.each(Object.keys(OAUTH_ERRORS))("%s is asserted from outside", (name) => {
    expect(tests.some((test) => test.text.includes(name))).toBe(true);
  });
});
