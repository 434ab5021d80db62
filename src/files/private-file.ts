/**
 * Files that only the owner may read, whatever the umask, and that outlive a power failure once a function here resolves.
 * No function follows a symbolic link: whoever can plant one must not choose what we read or overwrite.
 */
import { constants } from "node:fs";
import { open, rename, rm, type FileHandle } from "node:fs/promises";
import { dirname } from "node:path";
import { damagedFile } from "./damage.ts";

const MODE = 0o600;

/** Absent on Windows, where creating links needs rights of its own. */
const NO_FOLLOW = (constants.O_NOFOLLOW as number | undefined) ?? 0;

/** Create `path`, which must not exist. */
export async function createFile(path: string): Promise<FileHandle> {
  const file = await open(path, "wx", MODE);
  try {
    await file.chmod(MODE);
  } catch (error) {
    await file.close();
    throw error;
  }
  return file;
}

/**
 * Open an existing file.
 * @param flags of open(2), besides O_NOFOLLOW
 * @returns undefined when there is none
 * @throws UserError when it is a link, a directory or something else that is not a file
 */
export async function openFile(path: string, flags: number): Promise<FileHandle | undefined> {
  let file: FileHandle;
  try {
    file = await open(path, flags | NO_FOLLOW);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT") return undefined;
    if (code === "ELOOP" || code === "EMLINK") throw damagedFile(path, "is a symbolic link");
    if (code === "EISDIR") throw damagedFile(path, "is a directory");
    throw error;
  }
  try {
    const status = await file.stat();
    if (!status.isFile()) {
      throw damagedFile(path, status.isDirectory() ? "is a directory" : "is not a regular file");
    }
    await file.chmod(MODE);
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** @returns undefined when there is no such file. */
export async function readFileIfAny(path: string): Promise<Buffer | undefined> {
  // Without O_NONBLOCK a named pipe in the file's place would hold us for ever.
  const file = await openFile(path, constants.O_RDONLY | constants.O_NONBLOCK);
  if (!file) return undefined;
  try {
    return await file.readFile();
  } finally {
    await file.close();
  }
}

/**
 * Put a file with this content in the place of `path`, at once or not at all: a temporary file beside it, fsync, rename,
 * fsync of the directory.
 * @returns bytes
 */
export async function replaceFile(path: string, chunks: Iterable<string>): Promise<number> {
  const temporary = `${path}.tmp`;
  await rm(temporary, { force: true });
  let size = 0;
  const file = await createFile(temporary);
  try {
    try {
      for (const chunk of chunks) {
        const bytes = Buffer.from(chunk);
        await writeAll(file, bytes);
        size += bytes.length;
      }
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncDirectory(dirname(path));
  return size;
}

/** A short write is not an error to the kernel, but half a record to us. */
export async function writeAll(file: Pick<FileHandle, "write">, bytes: Buffer): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, null);
    done += bytesWritten;
  }
}

/** Names outlive a power failure only when the directory was synced, too. Windows has no such thing. */
export async function syncDirectory(directory: string): Promise<void> {
  if (process.platform === "win32") return;
  const handle = await open(directory, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
