import { describe, expect, it } from "vitest";
import { ServiceLog } from "../../../src/bridge/service-log.ts";
import { createFakeClock } from "../../support/fake-clock.ts";

const create = (secrets: string[] = []) => new ServiceLog(createFakeClock(), secrets);
const textsOf = (log: ServiceLog): string[] => log.lines().map(({ text }) => text);

describe("the log of a service", () => {
  it("keeps lines apart, however they arrive, each with its process", () => {
    const log = create();
    log.add(1, "stderr", "first\nsec");
    log.add(2, "stderr", "other\n");
    log.add(1, "stderr", "ond\n\n");
    expect(log.lines()).toMatchObject([
      { number: 1, pid: 1, stream: "stderr", text: "first" },
      { number: 2, pid: 2, text: "other" },
      { number: 3, pid: 1, text: "second" },
    ]);
  });

  it("takes a banner on standard output as a line of its own", () => {
    const log = create();
    log.add(1, "stderr", "begun");
    log.add(1, "stdout", "Welcome");
    expect(log.lines()).toMatchObject([{ stream: "stdout", text: "Welcome" }]);
  });

  it("keeps what a process had begun when it ended", () => {
    const log = create();
    log.add(7, "stderr", "fatal: no");
    expect(textsOf(log)).toEqual([]);
    log.end(7);
    log.end(7);
    expect(textsOf(log)).toEqual(["fatal: no"]);
  });

  it("shows no secret: neither one it knows nor one that looks so, even in two pieces", () => {
    const log = create(["hunter2hunter2"]);
    log.add(1, "stderr", "password is hunter2");
    log.add(1, "stderr", "hunter2\nAuthorization: Bearer abcdefghijklmnop\n");
    log.add(1, "stderr", `${"x".repeat(1995)}hunter2`);
    log.add(1, "stderr", "hunter2 and more\n");
    const shown = textsOf(log).join("\n");
    expect(shown).not.toContain("hunter2");
    expect(shown).not.toContain("abcdefgh");
    expect(shown).toContain("password is [redacted]");
  });

  it("is bounded in lines and in their length", () => {
    const log = create();
    for (let count = 0; count < 600; count++) log.add(1, "stderr", `line ${count}\n`);
    expect(log.lines()).toHaveLength(500);
    expect(log.lines().at(-1)).toMatchObject({ number: 600, text: "line 599" });
    for (let count = 0; count < 100; count++) log.add(1, "stderr", "y".repeat(10_000));
    log.add(1, "stderr", "\n");
    expect(log.lines().at(-1)!.text).toHaveLength(2000);
  });
});
