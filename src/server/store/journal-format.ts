/**
 * The journal on disk: one line for each transition, `<length> <checksum> <JSON>`, both numbers in eight hexadecimal
 * digits; the length in bytes, the checksum CRC-32, both of the JSON.
 *
 *   header       {"format":"mcp-gateway journal","version":1,"generation":7}
 *   transition   [1,[["put","client","s6BhdRkqt3",null,{...}],["delete","accessToken","x"]]]
 *
 * The number counts the lines from 1: a missing one is noticed. The member after the id is `expiresAt` or null.
 *
 * A crash can only cut the end of the file off, so the rest of a line without its line feed was never acknowledged and may
 * go. Anything else that does not fit is damage.
 */
import { crc32 } from "node:zlib";
import { damagedFile } from "../../files/damage.ts";
import { freezeEntry } from "./entry.ts";
import { KINDS, type Change, type MemoryState } from "./memory-state.ts";
import type { Kind, Records } from "./records.ts";

const FORMAT = "mcp-gateway journal";
const VERSION = 1;
const FRAME = /^([0-9a-f]{8}) ([0-9a-f]{8}) /;
const FRAME_LENGTH = 18; // characters before the JSON
const LINE_FEED = 0x0a;

type Step = ["put", Kind, string, number | null, Records[Kind]] | ["delete", Kind, string];

export function encodeHeader(generation: number): string {
  return encodeLine(JSON.stringify({ format: FORMAT, version: VERSION, generation }));
}

/** The JSON of one transition without its number, which is known only when it is written. */
export function encodeSteps(changes: readonly Change[]): string {
  const steps = changes.map(({ kind, id, after }): Step =>
    after ? ["put", kind, id, after.expiresAt ?? null, after.record] : ["delete", kind, id],
  );
  return JSON.stringify(steps);
}

export function encodeTransition(number: number, steps: string): string {
  return encodeLine(`[${number},${steps}]`);
}

/**
 * Apply a journal to `state`.
 * @returns number of transitions, and how many bytes of the file are whole lines
 * @throws UserError when the file is damaged
 */
export function replayJournal(
  path: string,
  generation: number,
  bytes: Buffer,
  state: MemoryState,
): { transitions: number; size: number } {
  let line = -1;
  let at = 0;
  for (let end; (end = bytes.indexOf(LINE_FEED, at)) !== -1; at = end + 1) {
    line++;
    const value = decodeLine(bytes.subarray(at, end));
    if (line === 0) checkHeader(path, generation, value);
    else if (!applyTransition(value, line, state)) {
      throw damagedFile(path, `is damaged in line ${line + 1}`);
    }
  }
  if (line === -1) throw damagedFile(path, bytes.length ? "has no header" : "is empty");
  if (isWholeLine(bytes.subarray(at))) throw damagedFile(path, `is damaged in line ${line + 2}`);
  return { transitions: line, size: at };
}

function encodeLine(json: string): string {
  const length = Buffer.byteLength(json).toString(16).padStart(8, "0");
  return `${length} ${checksum(json)} ${json}\n`;
}

/** @returns undefined when the line is not what was written. */
function decodeLine(line: Buffer): unknown {
  const frame = FRAME.exec(line.toString("latin1", 0, FRAME_LENGTH));
  const json = line.subarray(FRAME_LENGTH);
  if (!frame || Number.parseInt(frame[1]!, 16) !== json.length) return undefined;
  return checksum(json) === frame[2] ? JSON.parse(json.toString()) : undefined;
}

/** Whether only the line feed is wrong: a cut would have taken it away, this one was changed. */
function isWholeLine(rest: Buffer): boolean {
  const frame = FRAME.exec(rest.toString("latin1", 0, FRAME_LENGTH));
  return frame !== null && rest.length > FRAME_LENGTH + Number.parseInt(frame[1]!, 16);
}

function checkHeader(path: string, generation: number, value: unknown): void {
  const header = value as { format?: unknown; version?: unknown; generation?: unknown } | undefined;
  if (header?.format !== FORMAT) throw damagedFile(path, "is not a journal of this program");
  if (header.version !== VERSION) {
    throw damagedFile(
      path,
      `has schema version ${String(header.version)}; this program reads version ${VERSION}`,
      "Use the version of mcp-gateway that wrote it.",
    );
  }
  if (header.generation !== generation) {
    throw damagedFile(path, `belongs to generation ${String(header.generation)}; was it renamed?`);
  }
}

function applyTransition(value: unknown, number: number, state: MemoryState): boolean {
  if (!Array.isArray(value) || value[0] !== number || !Array.isArray(value[1])) return false;
  for (const step of value[1] as Step[]) {
    const [verb, kind, id] = step;
    if (!KINDS.includes(kind) || typeof id !== "string") return false;
    if (verb === "put") state.set(kind, id, freezeEntry(step[4], step[3] ?? undefined));
    else if (verb === "delete") state.set(kind, id, undefined);
    else return false;
  }
  return true;
}

function checksum(data: string | Buffer): string {
  return crc32(data).toString(16).padStart(8, "0");
}
