/**
 * The audit log: every event, one JSON line each, appended to a file of the state directory (0600). What it says is who
 * came in, who was allowed what, who called which tool, and what was taken away from whom. Events carry no secrets.
 *
 * Lines are written in order and together: while one write is under way the next lines gather. A disk that refuses must
 * not stop the gateway: the failure is logged once, and the number of lines that were lost when it works again.
 */
import { open, type FileHandle } from "node:fs/promises";
import { setTimeout } from "node:timers/promises";
import type { EventSource, GatewayEvent } from "../events.ts";
import { writeAll } from "../files/private-file.ts";
import type { Log } from "../log.ts";

export interface AuditLog {
  /** Stops listening and writes what is pending. */
  close(): Promise<void>;
}

const GATHER = 20; // milliseconds in which lines gather, as a write costs more than they do
const MOST_PENDING = 8_388_608; // characters of lines that wait for a slow disk

export function startAuditLog(
  events: EventSource,
  { file, log }: { file: string; log: Log },
): AuditLog {
  let pending = "";
  let lost = 0;
  let writing: Promise<void> | undefined;
  let handle: FileHandle | undefined;

  async function writePending(): Promise<void> {
    while (pending !== "") {
      await setTimeout(GATHER);
      const lines = pending;
      pending = "";
      try {
        handle ??= await openPrivate(file);
        await writeAll(handle, Buffer.from(lines));
        if (lost > 0) log.warn({ lost }, "the audit log can be written again");
        lost = 0;
      } catch (error) {
        if (lost === 0) log.error({ err: error, file }, "the audit log cannot be written");
        lost += lines.split("\n").length - 1;
        // A fresh handle next time: the file may have been replaced.
        await handle?.close().catch(() => undefined);
        handle = undefined;
      }
    }
    writing = undefined;
  }

  const unsubscribe = events.subscribe((event) => {
    if (event.replica !== undefined) return; // in that one's log already
    if (event.type === "attempt.noted") return; // only where it led to: anybody can take steps without end
    if (pending.length > MOST_PENDING) {
      if (lost === 0) log.error({ file }, "the disk is too slow for the audit log");
      lost += 1;
      return;
    }
    pending += auditLine(event);
    writing ??= writePending();
  });

  return {
    async close() {
      unsubscribe();
      await writing;
      await handle?.close();
    },
  };
}

function auditLine({ at, ...event }: GatewayEvent): string {
  return `${JSON.stringify({ time: new Date(at * 1000).toISOString(), ...event })}\n`;
}

/** The mode of an existing file is repaired too: it may have been restored from a backup. */
async function openPrivate(file: string): Promise<FileHandle> {
  const handle = await open(file, "a", 0o600);
  await handle.chmod(0o600);
  return handle;
}
