/**
 * The file under a journal.
 *
 * What is written goes to the system's memory in the same stretch: a few microseconds, where handing it to another thread and
 * back would cost ten times that. Only the sync, which waits for the disk, runs elsewhere.
 */
import { writeSync } from "node:fs";
import type { FileHandle } from "node:fs/promises";

export class JournalDisk {
  readonly #handle: FileHandle;

  /** @param handle opened for appending; closed by `close` */
  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  /** A short write is not an error to the system, but half a line to us. */
  write(bytes: Buffer): void {
    for (let done = 0; done < bytes.length;) done += writeSync(this.#handle.fd, bytes, done);
  }

  datasync(): Promise<void> {
    return this.#handle.datasync();
  }

  /** @param size bytes */
  truncate(size: number): Promise<void> {
    return this.#handle.truncate(size);
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}
