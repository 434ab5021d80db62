/**
 * Changes to `mcp-gateway.yaml` by commands. People own the file: what they wrote stays as they wrote it, comments, order and
 * spacing included; what a command adds goes where people would put it; and nothing is written that would not be correct.
 */
import {
  chmodSync,
  chownSync,
  closeSync,
  fsyncSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import {
  Document,
  isMap,
  isScalar,
  isSeq,
  parseDocument,
  visit,
  type Pair,
  type YAMLMap,
} from "yaml";
import { checkConfigText, configError } from "../config-file.ts";
import { EXIT, UserError } from "../errors.ts";
import { randomId } from "../random.ts";

export interface ConfigEdit {
  readonly file: string;
  /** Undefined when there is no file yet. */
  readonly before: string | undefined;
  readonly after: string;
}

/** What a file that does not exist yet begins with: a gateway for this machine. */
const NEW_FILE = `# Everything that may stand here: mcp-gateway config schema
publicUrl: http://localhost:8080
services:
`;

/**
 * @param entry as people would write it
 * @throws UserError when the name is taken, or the result would not be correct
 */
export function addService(file: string, name: string, entry: object): ConfigEdit {
  const before = textOf(file);
  const text = before ?? NEW_FILE;
  const document = parse(file, text);
  if (document.hasIn(["services", name])) {
    throw new UserError(`${file} has a service ${name} already`, {
      hint: `Choose another name with --as, or remove it first: mcp-gateway service remove ${name}`,
      exitCode: EXIT.usage,
    });
  }
  const spliced = withEntry(text, document, name, entry);
  const services = document.get("services", true);
  if (isMap(services)) {
    // One below the other, as soon as there is one.
    if (services.items.length === 0) services.flow = false;
    document.setIn(["services", name], nodeOf(document, entry));
  } else document.set("services", nodeOf(document, { [name]: entry }));
  return checked(file, before, afterOf(text, document, spliced));
}

/** @throws UserError when there is no such service, or the result would not be correct */
export function removeService(file: string, name: string): ConfigEdit {
  const before = textOf(file);
  const document = parse(file, before ?? NEW_FILE);
  if (before === undefined || !document.hasIn(["services", name])) {
    throw new UserError(`${file} has no service ${name}`, {
      hint: "mcp-gateway service list shows which there are.",
      exitCode: EXIT.usage,
    });
  }
  const spliced = withoutEntry(before, document, name);
  document.deleteIn(["services", name]);
  return checked(file, before, afterOf(before, document, spliced));
}

/** @throws UserError when there is no such service, or the result would not be correct */
export function setPermissions(file: string, name: string, value: "all" | object): ConfigEdit {
  const before = textOf(file);
  const document = parse(file, before ?? NEW_FILE);
  const service = document.getIn(["services", name], true);
  if (before === undefined || !isMap(service)) {
    throw new UserError(`${file} has no service ${name}`, { exitCode: EXIT.usage });
  }
  const last = isBlock(service) ? service.items.at(-1) : undefined;
  document.setIn(["services", name, "permissions"], document.createNode(value));
  if (last === undefined) return checked(file, before, afterOf(before, document, undefined));
  const [start, end] = linesOf(before, last);
  const line = `${" ".repeat(columnOf(start, last))}permissions: ${value === "all" ? value : JSON.stringify(value)}\n`;
  const spliced = `${withBreak(before.slice(0, end))}${line}${before.slice(end)}`;
  return checked(file, before, afterOf(before, document, spliced));
}

/**
 * Put the edit in the file's place at once: whoever reads it sees the old text or the new one. Mode and owner stay, and a
 * symbolic link goes on pointing where it did.
 * @throws UserError when the file has changed in between or cannot be written
 */
export function writeEdit({ file, before, after }: ConfigEdit): void {
  if (textOf(file) !== before) {
    throw new UserError(`${file} was changed by somebody else in this moment`, {
      hint: "Run the command again.",
    });
  }
  const target = before === undefined ? file : realpathSync(file);
  const temporary = join(dirname(target), `.mcp-gateway-${randomId()}.tmp`);
  try {
    const descriptor = openSync(temporary, "wx", 0o644);
    try {
      writeSync(descriptor, after);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    if (before !== undefined) keepOwner(target, temporary);
    renameSync(temporary, target);
  } catch (cause) {
    rmSync(temporary, { force: true });
    throw new UserError(`Cannot write ${file}`, {
      hint: "Check that this user may write the file and its folder.",
      cause,
    });
  }
}

function keepOwner(from: string, to: string): void {
  const { mode, uid, gid } = statSync(from);
  chmodSync(to, mode & 0o7777);
  const own = statSync(to);
  if (own.uid !== uid || own.gid !== gid) chownSync(to, uid, gid);
}

function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new UserError(`Cannot read ${file}`, {
      hint: "Check the path and its permissions.",
      cause,
    });
  }
}

function parse(file: string, text: string): Document {
  const document = parseDocument(text);
  if (document.errors.length > 0) throw configError(file, checkConfigText(text).issues);
  return document;
}

function checked(file: string, before: string | undefined, after: string): ConfigEdit {
  const { issues } = checkConfigText(after);
  if (issues.length === 0) return { file, before, after };
  const isWrongAlready = before !== undefined && checkConfigText(before).issues.length > 0;
  throw configError(file, issues, isWrongAlready ? "has" : "would have");
}

/** The text that was only cut and filled, when it says the same; else the whole document written anew. */
function afterOf(text: string, document: Document, spliced: string | undefined): string {
  if (spliced !== undefined) {
    const again = parseDocument(spliced);
    if (again.errors.length === 0 && isDeepStrictEqual(again.toJS(), document.toJS())) {
      return spliced;
    }
  }
  return document.toString({ lineWidth: 0, indent: indentOf(text) });
}

/** At the end of the services. @returns undefined where they are not written one below the other */
function withEntry(
  text: string,
  document: Document,
  name: string,
  entry: object,
): string | undefined {
  const services = document.get("services", true);
  const rendered = (column: number): string => {
    const document = new Document();
    document.contents = nodeOf(document, { [name]: entry }) as typeof document.contents;
    const lines = document
      .toString({ lineWidth: 0, indent: indentOf(text), flowCollectionPadding: false })
      .trimEnd()
      .split("\n");
    return lines.map((line) => `${" ".repeat(column)}${line}\n`).join("");
  };
  if (isScalar(services) && services.value === null) {
    const line = /^services:[^\n]*\n?/m.exec(text);
    if (line === null) return undefined;
    const end = line.index + line[0].length;
    return `${withBreak(text.slice(0, end))}${rendered(indentOf(text))}${text.slice(end)}`;
  }
  const last = isBlock(services) ? services.items.at(-1) : undefined;
  if (last === undefined) return undefined;
  const [start, end] = linesOf(text, last);
  const column = columnOf(start, last);
  return `${withBreak(text.slice(0, end))}${rendered(column)}${text.slice(end)}`;
}

/** With the remark above it; what stands above the first one may be about them all. */
function withoutEntry(text: string, document: Document, name: string): string | undefined {
  const services = document.get("services", true);
  if (!isBlock(services) || services.items.length === 1) return undefined;
  const pair = services.items.find(({ key }) => isScalar(key) && key.value === name);
  if (pair === undefined) return undefined;
  const [start, end] = linesOf(text, pair);
  const isFirst = pair === services.items[0];
  const remark = isFirst ? undefined : /(?:^[ \t]+#[^\n]*\n)+$/m.exec(text.slice(0, start));
  return text.slice(0, remark?.index ?? start) + text.slice(end);
}

function isBlock(node: unknown): node is YAMLMap {
  return isMap(node) && node.flow !== true && node.items.length > 0;
}

/** From the beginning of the pair's first line to the end of its last one. */
function linesOf(text: string, { key, value }: Pair): [start: number, end: number] {
  const from = rangeOf(key)?.[0] ?? 0;
  const to = rangeOf(value)?.[1] ?? rangeOf(key)?.[1] ?? from;
  const begin = text.lastIndexOf("\n", from) + 1;
  // A value may be said to end where the next one begins.
  const lastCharacter = text.slice(0, to).trimEnd().length;
  const lineEnd = text.indexOf("\n", lastCharacter);
  return [begin, lineEnd === -1 ? text.length : lineEnd + 1];
}

function columnOf(lineStart: number, { key }: Pair): number {
  return (rangeOf(key)?.[0] ?? lineStart) - lineStart;
}

function rangeOf(node: unknown): [number, number, number] | undefined {
  return (node as { range?: [number, number, number] } | null)?.range;
}

function withBreak(text: string): string {
  return text === "" || text.endsWith("\n") ? text : `${text}\n`;
}

/** Lists of words on one line, as people write them. */
function nodeOf(document: Document, value: object): unknown {
  const node = document.createNode(value);
  visit(node, (_, item) => {
    if (isSeq(item) && item.items.every(isScalar)) item.flow = true;
  });
  return node;
}

/** Columns the file's first indented line begins with. */
function indentOf(text: string): number {
  const [, spaces = "  "] = /^( +)[^\s#-]/m.exec(text) ?? [];
  return Math.min(spaces.length, 8);
}
