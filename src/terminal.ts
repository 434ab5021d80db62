/**
 * What a person sees: text of strangers made harmless, colour where it is wanted, tables that fit.
 */
import { styleText } from "node:util";
import type { SandboxTier } from "./config/permissions.ts";

/** Characters that move the cursor, hide, reorder or imitate text: controls, bidi and zero-width marks, lone surrogates. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}]/gu;
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Extended_Pictographic}/u;
const PLAIN = /^[\x20-\x7e]*$/;
const LONGEST = 200; // characters of one stranger's text; nobody reads more in a terminal
const NARROWEST = 8; // columns a value keeps before the table becomes a list

export type Paint = (
  style: "bold" | "dim" | "cyan" | "green" | "yellow" | "red",
  text: string,
) => string;

/**
 * Colour for one stream: on a terminal, unless NO_COLOR or --no-color asks for none.
 * @see https://no-color.org
 */
export function createPaint(
  stream: { isTTY?: boolean },
  environment: NodeJS.ProcessEnv = process.env,
  argv: readonly string[] = process.argv,
): Paint {
  const ownArguments = argv.includes("--") ? argv.slice(0, argv.indexOf("--")) : argv;
  const isColoured =
    stream.isTTY === true &&
    !environment["NO_COLOR"] &&
    environment["TERM"] !== "dumb" &&
    !ownArguments.includes("--no-color");
  return (style, text) => (isColoured ? styleText(style, text, { validateStream: false }) : text);
}

/** `text` as it may be shown: client names and the like come from strangers. Escapes stay visible: `\u{202e}`. */
export function printable(text: string): string {
  const characters = Array.from(text);
  const shown = characters.length > LONGEST ? `${characters.slice(0, LONGEST).join("")}…` : text;
  return shown.replaceAll(UNPRINTABLE, escape);
}

/** JSON that is safe to look at: what `printable` escapes is escaped here in JSON's own way. */
export function printableJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, null, indent).replaceAll(UNPRINTABLE, (character) =>
    character === "\n"
      ? character
      : Array.from(
          { length: character.length },
          (_, index) => String.raw`\u${character.charCodeAt(index).toString(16).padStart(4, "0")}`,
        ).join(""),
  );
}

/**
 * Rows under a header line, columns two spaces apart; the widest columns give way when it must fit. Where even that is
 * too wide, one block of `name: value` lines for each row.
 * @param rows all with the same members in the same order; values may come from strangers
 * @param width columns of the terminal; Infinity when nobody looks
 */
export function formatTable(
  rows: readonly Readonly<Record<string, string>>[],
  width: number,
  paint: Paint = (_, text) => text,
): string {
  const names = Object.keys(rows[0] ?? {});
  const cells = rows.map((row) => names.map((name) => printable(row[name] ?? "")));
  const widths = names.map((name, index) =>
    Math.max(widthOf(name), ...cells.map((row) => widthOf(row[index]!))),
  );
  const available = width - 2 * (names.length - 1);
  while (sum(widths) > available) {
    const widest = widths.indexOf(Math.max(...widths));
    if (widths[widest]! <= Math.max(NARROWEST, widthOf(names[widest]!))) {
      return formatBlocks(names, cells, paint);
    }
    widths[widest]! -= 1;
  }
  const line = (row: readonly string[]): string =>
    row
      .map((cell, index) => fit(cell, widths[index]!))
      .join("  ")
      .trimEnd();
  return [paint("bold", line(names)), ...cells.map(line)].join("\n");
}

function formatBlocks(names: readonly string[], cells: readonly string[][], paint: Paint): string {
  const longest = Math.max(...names.map(widthOf));
  return cells
    .map((row) =>
      row
        .map((cell, index) => `${paint("bold", names[index]!.padEnd(longest))}  ${cell}`.trimEnd())
        .join("\n"),
    )
    .join("\n\n");
}

/** `text` in exactly `width` columns: padded, or cut with an ellipsis. */
export function fit(text: string, width: number): string {
  const missing = width - widthOf(text);
  if (missing >= 0) return text + " ".repeat(missing);
  let kept = "";
  for (const character of text) {
    if (widthOf(kept) + widthOf(character) > width - 1) break;
    kept += character;
  }
  return `${kept}…${" ".repeat(Math.max(0, width - 1 - widthOf(kept)))}`;
}

/** Columns `text` takes: East Asian characters and pictures two, combining marks none. */
export function widthOf(text: string): number {
  if (PLAIN.test(text)) return text.length;
  let width = 0;
  for (const character of text) {
    if (/\p{M}/u.test(character)) continue;
    width += WIDE.test(character) ? 2 : 1;
  }
  return width;
}

function escape(character: string): string {
  return String.raw`\u{${character.codePointAt(0)!.toString(16)}}`;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

/** What stands between a service's programs and the machine, as people are told. */
export function describeSandbox(tier: SandboxTier | undefined): string {
  return tier === undefined ? "elsewhere" : SANDBOXES[tier];
}

const SANDBOXES: Readonly<Record<SandboxTier, string>> = {
  bubblewrap: "confined by bubblewrap",
  node: "held by Node's permission model, which is no wall against hostile code",
  environment: "confined in nothing but its environment",
};

/** What `dev` says once it is ready: where it is, how it is protected, and lines to paste into clients. */
export function formatGuide(
  gateway: {
    version: string;
    endpoints: readonly { service: string; url: string; sandbox?: SandboxTier }[];
    /** Only this machine can reach it. */
    isLocal: boolean;
  },
  paint: Paint,
): string {
  const urls = new Map<string, string>();
  for (const { service, url } of gateway.endpoints) if (!urls.has(service)) urls.set(service, url);
  const servers = (entry: (url: string) => object): string =>
    JSON.stringify(
      Object.fromEntries([...urls].map(([service, url]) => [service, entry(url)])),
    ).replaceAll(/(?<=[{,:])(?=")|(?<=:)(?={)|(?=})/g, " ");
  const http = servers((url) => ({ type: "http", url }));
  const lines = (
    [
      ["Claude Code", ...[...urls].map((e) => `claude mcp add --transport http ${e.join(" ")}`)],
      [
        "Cursor",
        paint("dim", "~/.cursor/mcp.json"),
        `{ "mcpServers": ${servers((url) => ({ url }))} }`,
      ],
      ["VS Code", paint("dim", ".vscode/mcp.json"), `{ "servers": ${http} }`],
      ["others", paint("dim", ".mcp.json"), `{ "mcpServers": ${http} }`],
      [
        "MCP Inspector",
        `npx @modelcontextprotocol/inspector --transport http --server-url ${[...urls.values()][0]}`,
      ],
    ] as const
  ).map(([client, ...rest]) => `  ${client.padEnd(15)}${rest.join(`\n${" ".repeat(17)}`)}`);
  const width = Math.max(...[...urls.keys()].map((service) => service.length));
  const sandboxes = new Map(gateway.endpoints.map(({ service, sandbox }) => [service, sandbox]));
  return [
    "",
    `  ${paint("bold", "mcp-gateway")} ${paint("dim", gateway.version)}`,
    "",
    ...[...urls].map(([service, url]) => {
      const tier = sandboxes.get(service);
      const held = tier === undefined ? "" : `  ${paint("dim", describeSandbox(tier))}`;
      return `  ${service.padEnd(width)}  ${paint("cyan", url)}${held}`;
    }),
    "",
    gateway.isLocal
      ? "  Protected by OAuth 2.1. Only this machine can reach it; the login is one button."
      : "  Protected by OAuth 2.1. Others can reach it; the login asks for a code shown here.",
    "",
    ...lines,
    "",
    paint("dim", "  Ctrl-C stops it."),
    "",
  ].join("\n");
}
