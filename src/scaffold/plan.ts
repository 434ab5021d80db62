/**
 * What `init` writes into a folder, and what it leaves alone: a file that somebody edited, or that was there before. The
 * record of what it wrote lies beside the files; of each it keeps the hash, and of the answers all that is no secret.
 */
import { createHash } from "node:crypto";
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { EXIT, UserError } from "../errors.ts";
import { randomId } from "../random.ts";
import type { Answers } from "./answers.ts";
import type { RenderedFile } from "./target.ts";

const RECORD_FILE = ".mcp-gateway-init.json";

export interface InitRecord {
  readonly target: string;
  readonly answers: Answers;
  /** SHA-256 of each file as it was written. */
  readonly files: Readonly<Record<string, string>>;
}

export type FileState =
  /** It is not there yet. */
  | "new"
  /** It is as it was written, and something else comes in its place. */
  | "changed"
  | "same"
  /** Somebody else's, or edited. It stays as it is. */
  | "kept";

export interface PlannedFile extends RenderedFile {
  readonly state: FileState;
  /** What is there. */
  readonly before: string | undefined;
}

/** @throws UserError when there is something that is no record */
export function readRecord(directory: string): InitRecord | undefined {
  const text = textOf(join(directory, RECORD_FILE));
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as InitRecord;
  } catch (cause) {
    throw new UserError(`${join(directory, RECORD_FILE)} is damaged`, {
      hint: "Delete it and run the command again: files that are there stay as they are.",
      cause,
    });
  }
}

export function planFile(
  directory: string,
  { path, text }: RenderedFile,
  record: InitRecord | undefined,
): PlannedFile {
  const before = textOf(join(directory, path));
  const isOurs = before !== undefined && record?.files[path] === hashOf(before);
  const state =
    before === undefined ? "new" : before === text ? "same" : isOurs ? "changed" : "kept";
  return { path, text, before, state };
}

/** Files that were written once and are no part of the deployment any more. */
export function abandoned(
  record: InitRecord | undefined,
  files: readonly RenderedFile[],
): string[] {
  const paths = new Set(files.map(({ path }) => path));
  return Object.keys(record?.files ?? {}).filter((path) => !paths.has(path));
}

export function recordOf(
  target: string,
  answers: Answers,
  files: readonly PlannedFile[],
  before: InitRecord | undefined,
): RenderedFile {
  const hashes = files.flatMap(({ path, text, state }) => {
    const hash = state === "kept" ? before?.files[path] : hashOf(text);
    return hash === undefined ? [] : [[path, hash]];
  });
  const record: InitRecord = {
    target,
    answers,
    files: Object.fromEntries(hashes) as Record<string, string>,
  };
  return { path: RECORD_FILE, text: `${JSON.stringify(record, null, 2)}\n` };
}

/**
 * Put the files in their places, each at once, with these modes whatever the umask is.
 * @throws UserError when one cannot be written
 */
export function writeFiles(
  directory: string,
  files: readonly (RenderedFile & { mode?: number })[],
): void {
  for (const { path, text, mode = 0o644 } of files) {
    const file = join(directory, path);
    const temporary = join(dirname(file), `.mcp-gateway-${randomId()}.tmp`);
    try {
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(temporary, text, { flag: "wx", mode });
      chmodSync(temporary, mode);
      renameSync(temporary, file);
    } catch (cause) {
      rmSync(temporary, { force: true });
      throw new UserError(`Cannot write ${file} (${(cause as NodeJS.ErrnoException).code})`, {
        hint: "Check that this user may write the folder, or name another one.",
        cause,
      });
    }
  }
}

/** @throws UserError for what is no file: a link would be replaced, or written where it points */
export function textOf(file: string): string | undefined {
  try {
    if (lstatSync(file).isFile()) return readFileSync(file, "utf8");
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "ENOENT") return undefined;
    throw new UserError(`Cannot read ${file} (${code})`, {
      hint: "Name another folder, or check its permissions.",
      exitCode: EXIT.usage,
      cause,
    });
  }
  throw new UserError(`${file} is no regular file`, {
    hint: "Move it away, or name another folder.",
    exitCode: EXIT.usage,
  });
}

function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
