import { execFileSync } from "node:child_process";
import { linkSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"; // prettier-ignore
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { UserError } from "../../../../src/errors.ts";
import { acquireLock } from "../../../../src/server/store/lock.ts";
import { identifyThisProcess } from "../../../../src/files/process-identity.ts";

const NONCE = "abcdefghijklmnopqrstuv";
const held = new RegExp(`another gateway \\(pid ${process.pid}\\) uses this state directory`);

let directory: string;
let path: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "gateway-lock-"));
  path = join(directory, "gateway.lock");
  onTestFinished(() => rmSync(directory, { recursive: true }));
});

const leave = (name: string, holder: object, nonce = NONCE): void =>
  writeFileSync(join(directory, name), JSON.stringify({ ...holder, nonce }));

/** Somebody who has ended. */
function createDead(): object {
  const pid = Number(execFileSync(process.execPath, ["-p", "process.pid"], { encoding: "utf8" }));
  return { ...identifyThisProcess(), pid };
}

describe("the lock", () => {
  it("refuses a second holder by name and tells what to do, until it is let go", async () => {
    const release = await acquireLock(path);
    const refused = await acquireLock(path).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(UserError);
    expect((refused as UserError).message).toMatch(held);
    expect((refused as UserError).hint).toContain(path);
    await release();
    expect(readdirSync(directory)).toEqual([]);
    await (
      await acquireLock(path)
    )();
  });

  it("says who holds it", async () => {
    const release = await acquireLock(path);
    expect(JSON.parse(readFileSync(path, "utf8"))).toMatchObject(identifyThisProcess());
    await release();
  });

  it("is taken over from a process that has ended", async () => {
    leave("gateway.lock", createDead());
    const release = await acquireLock(path);
    expect(readdirSync(directory)).toEqual(["gateway.lock"]);
    await expect(acquireLock(path)).rejects.toThrow(held);
    await release();
  });

  it.runIf(process.platform === "linux")("is not fooled by a reused pid", async () => {
    leave("gateway.lock", { ...identifyThisProcess(), startTime: "1" });
    await (
      await acquireLock(path)
    )();
    leave("gateway.lock", { ...identifyThisProcess(), bootId: "the boot before" });
    await (
      await acquireLock(path)
    )();
  });

  it("goes by the pid alone where nothing better is known", async () => {
    leave("gateway.lock", { pid: process.pid });
    await expect(acquireLock(path)).rejects.toThrow(held);
  });

  it.each(["", "{", "null", '{"pid":"x"}', '{"pid":1,"nonce":"../../x"}'])(
    "is taken over when a power failure left %j",
    async (text) => {
      writeFileSync(path, text);
      await (
        await acquireLock(path)
      )();
      expect(readdirSync(directory)).toEqual([]);
    },
  );

  it("goes to exactly one of 30 who find the same dead lock", async () => {
    for (let round = 0; round < 10; round++) {
      leave("gateway.lock", createDead());
      const tries = await Promise.allSettled(Array.from({ length: 30 }, () => acquireLock(path)));
      const won = tries.filter((one) => one.status === "fulfilled");
      expect(won).toHaveLength(1);
      expect(readdirSync(directory)).toEqual(["gateway.lock"]);
      await won[0]!.value();
    }
  });

  it("is taken over when the process that was taking it over died, too, at any step", async () => {
    const dead = createDead();
    const second = "vutsrqponmlkjihgfedcba";
    leave("gateway.lock", dead);
    leave(`gateway.lock.${NONCE}`, dead, second);
    leave(`gateway.lock.${second}.tmp`, dead, second);
    leave(`gateway.lock.${second}`, dead, "thirdthirdthirdthirdth");
    const tries = await Promise.allSettled(Array.from({ length: 10 }, () => acquireLock(path)));
    expect(tries.filter((one) => one.status === "fulfilled")).toHaveLength(1);
    expect(readdirSync(directory)).toEqual(["gateway.lock"]);
  });

  it("gives the succession up when another has finished it already", async () => {
    // Another claimed, renamed and runs; what we saw before is the dead lock, so we claim once more.
    const release = await acquireLock(path);
    linkSync(path, `${path}.${NONCE}`);
    await expect(acquireLock(path)).rejects.toThrow(held);
    await release();
  });

  it("does not follow a link and does not mistake a directory for a lock (ST-06)", async () => {
    writeFileSync(join(directory, "target"), "");
    symlinkSync(join(directory, "target"), path);
    await expect(acquireLock(path)).rejects.toThrow(/symbolic link/);
    rmSync(path);
    mkdirSync(path);
    await expect(acquireLock(path)).rejects.toThrow(/directory/);
  });

  it("leaves the lock alone that somebody else has taken meanwhile", async () => {
    const release = await acquireLock(path);
    leave("gateway.lock", identifyThisProcess());
    await release();
    expect(readdirSync(directory)).toEqual(["gateway.lock"]);
  });
});
