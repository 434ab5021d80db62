/**
 * Who may import whom (DESIGN: the rooms). A rule that reads nothing is green with its eyes shut, so the tests also say how
 * much they must have read.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { cycles, importsOf, root, sourceFiles } from "./source-files.ts";

const files = sourceFiles("src");

type Room = "common" | "bridge" | "client" | "echo" | "server" | "tui" | "tunnel" | "commands";

function roomOf(path: string): Room {
  const [, room] = /^src\/(bridge|client|echo|server|tui|tunnel|commands)\//.exec(path) ?? [];
  return (room as Room | undefined) ?? "common";
}

/** For each room, what it may import besides itself: a whole room, or single files of it. */
const ALLOWED: Record<Room, (target: string) => boolean> = {
  common: () => false,
  bridge: (target) => roomOf(target) === "common",
  client: (target) => roomOf(target) === "common",
  // An MCP server like any other: it stands behind the gateway and knows nothing of it.
  echo: (target) => roomOf(target) === "common",
  server: (target) =>
    roomOf(target) === "common" ||
    target === "src/bridge/bridge.ts" ||
    target === "src/bridge/service/service.ts",
  tui: (target) => roomOf(target) === "common",
  tunnel: (target) => roomOf(target) === "common",
  commands: (target) =>
    roomOf(target) === "common" ||
    roomOf(target) === "client" ||
    roomOf(target) === "echo" ||
    target === "src/server/gateway.ts" ||
    target === "src/tunnel/open.ts" ||
    target === "src/tui/app.tsx",
};

const edges = files.flatMap((file) => file.imports.map((target) => ({ from: file.path, target })));
const broken = (isWrong: (edge: { from: string; target: string }) => boolean): string[] =>
  edges.filter(isWrong).map(({ from, target }) => `${from} -> ${target}`);

describe("the rooms of src/", () => {
  it("were read: enough files and enough imports, each of which exists", () => {
    expect(files.length).toBeGreaterThan(70);
    expect(edges.length).toBeGreaterThan(250);
    expect(broken(({ target }) => !existsSync(join(root, target)))).toEqual([]);
  });

  it("import only what they may", () => {
    const isWrong = ({ from, target }: { from: string; target: string }): boolean =>
      roomOf(from) !== roomOf(target) && !ALLOWED[roomOf(from)](target);
    expect(broken(isWrong)).toEqual([]);
  });

  it("have no import cycle, type imports included", () => {
    expect(cycles(files)).toEqual([]);
  });

  it("keep the authorization server independent of the resource side", () => {
    expect(
      broken(
        ({ from, target }) =>
          from.startsWith("src/server/oauth/") && target.startsWith("src/server/resource/"),
      ),
    ).toEqual([]);
  });

  it("keep identity, store and tunnel on the common ground", () => {
    const island = /^src\/server\/(identity|store|tunnel)\//;
    expect(
      broken(({ from, target }) => {
        const home = island.exec(from)?.[0];
        return home !== undefined && !target.startsWith(home) && roomOf(target) !== "common";
      }),
    ).toEqual([]);
  });

  it("let only a folder's index know its implementations", () => {
    const implementation =
      /^src\/(?:server\/identity\/(?!index|identity-provider)|server\/store\/(?:lowdb|redis)|bridge\/service\/(?:stdio|http)\b)/;
    expect(
      broken(({ from, target }) => {
        if (!implementation.test(target)) return false;
        const folder = target.slice(0, target.lastIndexOf("/"));
        return from !== `${folder}/index.ts` && !from.startsWith(`${folder}/`);
      }),
    ).toEqual([]);
  });

  it("let only the composition root read the whole context together", () => {
    expect(
      broken(({ target }) => target === "src/server/gateway.ts").filter(
        (edge) => !edge.startsWith("src/commands/"),
      ),
    ).toEqual([]);
  });
});

describe("the import reader", () => {
  it.each([
    ['import a from "./x.ts";', "src/x.ts"],
    ['import type { A } from "../y.ts";', "y.ts"],
    ['export { b } from "./z.ts";', "src/z.ts"],
    ['export * from "./z.ts";', "src/z.ts"],
    ['import "./side.ts";', "src/side.ts"],
    ['const { c } = await import("./dynamic.ts");', "src/dynamic.ts"],
    ['import {\n  a,\n  b,\n} from "./many.ts";', "src/many.ts"],
  ])("sees %s", (text, expected) => {
    expect(importsOf("src/a.ts", text)).toEqual([expected]);
  });

  it("finds a cycle of types", () => {
    const file = (path: string, target: string) => ({
      path,
      text: "",
      lines: 1,
      imports: [target],
    });
    expect(cycles([file("a", "b"), file("b", "a"), file("c", "a")])).toEqual([["a", "b"]]);
  });
});
