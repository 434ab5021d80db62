import {
  chmodSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { addService, removeService, writeEdit } from "../../../src/config/edit.ts";
import { textDifference } from "../../../src/config/text-difference.ts";

let directory: string;
let file: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "edit-"));
  file = join(directory, "mcp-gateway.yaml");
});
afterEach(() => rmSync(directory, { recursive: true }));

const WRITTEN = `# yaml-language-server: $schema=./mcp-gateway.schema.json
publicUrl:   https://gw.example.com      # issuer
routing: path                            # or subdomain

services:
    # Our own folder.
    files:
        command: npx
        args: [ -y, "@modelcontextprotocol/server-filesystem",   /srv ]   # read only, please

    # Somebody else's.
    remote: { url: "https://elsewhere.example/mcp" }

tokens: { accessToken: 30m }             # short
`;
const write = (text: string): void => writeFileSync(file, text);
const entry = { command: "node", args: ["a.js", "--quiet"], permissions: { net: true } };

describe("adding a service", () => {
  it("leaves every other byte as it was and writes as the file is written", () => {
    write(WRITTEN);
    const { after } = addService(file, "notes", entry);
    const added = `    notes:
        command: node
        args: [a.js, --quiet]
        permissions:
            net: true
`;
    const place = WRITTEN.indexOf("\ntokens:");
    expect(after).toBe(WRITTEN.slice(0, place) + added + WRITTEN.slice(place));
    expect(readFileSync(file, "utf8")).toBe(WRITTEN);
  });

  it("begins a file where there is none, and ends one that has no last line break", () => {
    expect(addService(file, "notes", entry).after).toMatch(
      /^publicUrl: http:\/\/localhost:8080\nservices:\n {2}notes:\n {4}command: node\n/m,
    );
    write("publicUrl: http://localhost:1\nservices: # mine\n  a:\n    command: a");
    expect(addService(file, "b", { command: "b" }).after).toBe(
      "publicUrl: http://localhost:1\nservices: # mine\n  a:\n    command: a\n  b:\n    command: b\n",
    );
  });

  it.each([
    "publicUrl: http://localhost:1\nservices: { a: { command: a } } # flow\n",
    '{ "publicUrl": "http://localhost:1", "services": { "a": { "command": "a" } } }\n',
    "services: {}\npublicUrl: http://localhost:1\n",
    "publicUrl: http://localhost:1 # no services yet\n",
  ])("finds a place in %j", (text) => {
    write(text);
    const { after } = addService(file, "b", { command: "b" });
    writeEdit({ file, before: text, after });
    const { after: without } = addService(file, "c", { command: "c" });
    expect(without).toContain("b");
    expect(after.includes("#")).toBe(text.includes("#"));
  });

  it("refuses a name that is taken and a result that would be wrong, and says why", () => {
    write(WRITTEN);
    expect(() => addService(file, "files", entry)).toThrow("has a service files already");
    expect(() => addService(file, "token", entry)).toThrow(/would have 1 mistake.*own paths/s);
    expect(() => addService(file, "x", { command: "a", colour: "red" })).toThrow(
      /line \d+: .*colour/,
    );
    write("services: [\n");
    expect(() => addService(file, "x", entry)).toThrow(/has \d mistake/);
    write("publicUrl: nowhere\nservices: { a: { command: a } }\n");
    expect(() => addService(file, "x", entry)).toThrow(/has \d mistake/);
  });
});

describe("removing a service", () => {
  it("takes its lines and the remark above it, and nothing else", () => {
    write(WRITTEN);
    const { after } = removeService(file, "remote");
    expect(after).toBe(WRITTEN.replace(/ {4}# Somebody else's\.\n {4}remote:[^\n]*\n/, ""));
  });

  it("undoes what adding did", () => {
    write(WRITTEN);
    const { after } = addService(file, "notes", entry);
    write(after);
    expect(removeService(file, "notes").after).toBe(WRITTEN);
  });

  it("refuses the last one, the default one and one that is not there", () => {
    write("publicUrl: http://localhost:1\nservices: { a: { command: a } }\n");
    expect(() => removeService(file, "a")).toThrow("name at least one service");
    expect(() => removeService(file, "b")).toThrow("has no service b");
    write(
      "publicUrl: http://localhost:1\ndefaultService: a\nservices:\n  a: { command: a }\n  b: { command: b }\n",
    );
    expect(() => removeService(file, "a")).toThrow('"a" is not among the services');
  });
});

describe("writing an edit", () => {
  it("keeps the mode and what a symbolic link points to, and leaves nothing behind", () => {
    const target = join(directory, "target.yaml");
    writeFileSync(target, WRITTEN);
    chmodSync(target, 0o640);
    symlinkSync(target, file);
    writeEdit(addService(file, "notes", entry));
    expect(lstatSync(file).isSymbolicLink()).toBe(true);
    expect(readFileSync(target, "utf8")).toContain("notes:");
    expect(statSync(target).mode & 0o777).toBe(0o640);
    expect(readdirSync(directory).toSorted()).toEqual(["mcp-gateway.yaml", "target.yaml"]);
  });

  it("refuses when the file is no longer the one that was read", () => {
    write(WRITTEN);
    const edit = addService(file, "notes", entry);
    write(`${WRITTEN}# mine\n`);
    expect(() => writeEdit(edit)).toThrow("changed by somebody else");
    expect(readFileSync(file, "utf8")).toBe(`${WRITTEN}# mine\n`);
  });
});

describe("the difference of two texts", () => {
  it("shows what changes with a little around it", () => {
    const before = "a\nb\nc\nd\ne\nf\ng\n";
    expect(textDifference(before, before.replace("d\n", "x\ny\n"))).toEqual([
      "...", "  b", "  c", "- d", "+ x", "+ y", "  e", "  f", "...",
    ]); // prettier-ignore
    expect(textDifference("", "a\n")).toEqual(["+ a"]);
    expect(textDifference(before, before)).toEqual(["..."]);
  });
});
