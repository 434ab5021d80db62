/**
 * The snapshot on disk: one JSON document, one record a line, the CRC-32 of everything before it at its end.
 *
 *   {"format":"mcp-gateway store","version":1,"generation":7,"records":[
 *   ["client","s6BhdRkqt3",null,{...}],
 *   ["accessToken","x",1767229200,{...}]
 *   ],"crc32":"9a8b7c6d"}
 *
 * It holds the state as it was before the first line of the journal with the same generation.
 */
import { crc32 } from "node:zlib";
import { damagedFile } from "../../files/damage.ts";
import { freezeEntry, isLive } from "./entry.ts";
import { KINDS, MemoryState, type Tables } from "./memory-state.ts";
import type { Kind, Records } from "./records.ts";

const FORMAT = "mcp-gateway store";
const VERSION = 1;
const CHUNK = 65_536; // characters; about a millisecond of work between two looks at the event loop

type Row = [kind: Kind, id: string, expiresAt: number | null, record: Records[Kind]];

/** Pieces of the file; those who write them take turns with the rest of the program. Expired records are left out. */
export function* encodeSnapshot(
  tables: Tables,
  generation: number,
  now: number,
): Generator<string, void> {
  let chunk = `${JSON.stringify({ format: FORMAT, version: VERSION, generation }).slice(0, -1)},"records":[`;
  let sum = 0;
  let separator = "\n";
  for (const [kind, entries] of tables) {
    for (const [id, entry] of entries) {
      if (!isLive(entry, now)) continue;
      const row: Row = [kind, id, entry.expiresAt ?? null, entry.record];
      chunk += separator + JSON.stringify(row);
      separator = ",\n";
      if (chunk.length < CHUNK) continue;
      sum = crc32(chunk, sum);
      yield chunk;
      chunk = "";
    }
  }
  chunk += "\n]";
  sum = crc32(chunk, sum);
  yield chunk + encodeEnd(sum);
}

/** @throws UserError that says what is wrong with the file */
export function decodeSnapshot(
  path: string,
  bytes: Buffer,
): { state: MemoryState; generation: number } {
  const document = parse(path, bytes);
  if (typeof document !== "object" || document === null || Array.isArray(document)) {
    throw damagedFile(path, "is JSON, but not an object: it is not the store of a gateway");
  }
  const { format, version, generation, records } = document as Record<string, unknown>;
  if (format !== FORMAT) throw damagedFile(path, "is JSON, but not the store of a gateway");
  if (version !== VERSION) {
    throw damagedFile(
      path,
      `has schema version ${String(version)}; this program reads version ${VERSION}`,
      "Use the version of mcp-gateway that wrote it, or a newer one.",
    );
  }
  // Checked last, so that the messages above name what they can.
  const end = bytes.lastIndexOf(',"crc32":');
  const expected = end === -1 ? undefined : encodeEnd(crc32(bytes.subarray(0, end)));
  if (expected === undefined || bytes.toString("latin1", end) !== expected) {
    throw damagedFile(path, "was changed or is damaged: its checksum does not match");
  }
  const state = new MemoryState();
  for (const [kind, id, expiresAt, record] of records as Row[]) {
    if (!KINDS.includes(kind)) throw damagedFile(path, `holds records of an unknown kind, ${kind}`);
    state.set(kind, id, freezeEntry(record, expiresAt ?? undefined));
  }
  return { state, generation: generation as number };
}

function encodeEnd(sum: number): string {
  return `,"crc32":"${sum.toString(16).padStart(8, "0")}"}\n`;
}

function parse(path: string, bytes: Buffer): unknown {
  if (bytes.length === 0) throw damagedFile(path, "is empty");
  try {
    return JSON.parse(bytes.toString()) as unknown;
  } catch {
    throw damagedFile(path, "is cut off or damaged: it is not JSON");
  }
}
