/**
 * A state directory of its own for one test, and stores on it.
 */
import { cpSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import { pino } from "pino";
import { onTestFinished } from "vitest";
import { openLowdbStore, type LowdbContext } from "../../../../src/server/store/lowdb.ts";
import type { Store } from "../../../../src/server/store/store.ts";
import { createFakeClock } from "../../../support/fake-clock.ts";

export interface StateDirectory {
  readonly path: string;
  readonly clock: ReturnType<typeof createFakeClock>;
  /** What the stores logged. */
  readonly logged: { level: number; msg: string; [member: string]: unknown }[];
  file(name: string): string;
  files(): string[];
  open(options?: Pick<LowdbContext, "compactAfter">): Promise<Store>;
  /** The files as `kill -9` would leave them now, without the lock, in a directory of their own. */
  crashImage(): StateDirectory;
}

export function createStateDirectory(from?: string): StateDirectory {
  const path = mkdtempSync(join(tmpdir(), "gateway-store-"));
  if (from) {
    cpSync(from, path, { recursive: true, filter: (source) => !source.endsWith("gateway.lock") });
  }
  const clock = createFakeClock();
  const logged: StateDirectory["logged"] = [];
  const destination = new Writable({
    write(line: Buffer, _encoding, done) {
      logged.push(JSON.parse(line.toString()) as (typeof logged)[number]);
      done();
    },
  });
  const stores: Store[] = [];
  onTestFinished(async () => {
    await Promise.allSettled(stores.map((store) => store.close()));
    rmSync(path, { recursive: true, force: true });
  });
  return {
    path,
    clock,
    logged,
    file: (name) => join(path, name),
    files: () =>
      readdirSync(path)
        .filter((name) => name.startsWith("gateway"))
        .toSorted(),
    async open(options = {}) {
      const log = pino({}, destination);
      const store = await openLowdbStore({ type: "lowdb", path }, { clock, log, ...options });
      stores.push(store);
      return store;
    },
    crashImage: () => createStateDirectory(path),
  };
}
