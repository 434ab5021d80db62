import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createEventBus, type GatewayEvent } from "../../../src/events.ts";
import { createLog, type Log } from "../../../src/log.ts";
import { startAuditLog } from "../../../src/server/audit-log.ts";

let directory: string;
let file: string;
let logged: string;
let log: Log;
let broken: unknown[];
const event = (at: number): GatewayEvent => ({
  type: "login.failed",
  at,
  provider: "local",
  reason: "wrong code",
});
const lines = (): unknown[] =>
  readFileSync(file, "utf8")
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line) as unknown);

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "audit-"));
  file = join(directory, "audit.jsonl");
  logged = "";
  broken = [];
  const destination = {
    write: (line: string) => (logged += line),
  } as unknown as NodeJS.WritableStream;
  log = await createLog({ level: "trace", pretty: false, destination });
});
afterEach(() => rmSync(directory, { recursive: true }));
const bus = () => createEventBus((error) => broken.push(error));

describe("the audit log", () => {
  it("has one line for each event, in order, readable by nobody else", async () => {
    const events = bus();
    const umask = process.umask(0);
    const audit = startAuditLog(events, { file, log });
    for (let at = 0; at < 500; at++) events.publish(event(at));
    await audit.close();
    process.umask(umask);
    expect(lines()).toHaveLength(500);
    expect(lines().map((line) => Date.parse((line as { time: string }).time) / 1000)).toEqual(
      Array.from({ length: 500 }, (_, at) => at),
    );
    expect(lines()[0]).toEqual({
      time: "1970-01-01T00:00:00.000Z",
      type: "login.failed",
      provider: "local",
      reason: "wrong code",
    });
    expect((statSync(file).mode & 0o777).toString(8)).toBe("600");
  });

  it("goes on where the last process ended, and repairs the mode of the file", async () => {
    writeFileSync(file, '{"type":"earlier"}\n', { mode: 0o644 });
    const events = bus();
    const audit = startAuditLog(events, { file, log });
    events.publish(event(1));
    await audit.close();
    expect(lines()).toMatchObject([{ type: "earlier" }, { type: "login.failed" }]);
    expect((statSync(file).mode & 0o777).toString(8)).toBe("600");
  });

  it("keeps a line a line, whatever a stranger calls himself (SE-02)", async () => {
    const events = bus();
    const audit = startAuditLog(events, { file, log });
    events.publish({
      type: "client.registered",
      at: 1,
      clientId: "a",
      clientName: 'x"}\n{"type":"forged',
      via: "registration",
    });
    await audit.close();
    expect(lines()).toHaveLength(1);
  });

  it("never stops the gateway: a failing disk is told once", async () => {
    mkdirSync(file);
    const events = bus();
    const audit = startAuditLog(events, { file, log });
    for (let at = 0; at < 3; at++) events.publish(event(at));
    await audit.close();
    expect(logged.match(/the audit log cannot be written/g)).toHaveLength(1);
    expect(broken).toEqual([]);
  });

  it("says how many lines were lost when the disk works again", async () => {
    mkdirSync(file);
    const events = bus();
    const audit = startAuditLog(events, { file, log });
    events.publish(event(1));
    await vi.waitFor(() => expect(logged).toContain("cannot be written"));
    rmSync(file, { recursive: true });
    events.publish(event(9));
    await audit.close();
    expect(lines()).toMatchObject([{ time: "1970-01-01T00:00:09.000Z" }]);
    expect(logged).toContain('"lost":1');
  });

  it("hears nothing after closing", async () => {
    const events = bus();
    const audit = startAuditLog(events, { file, log });
    events.publish(event(1));
    await audit.close();
    events.publish(event(2));
    expect(lines()).toHaveLength(1);
  });
});
