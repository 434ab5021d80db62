import { spawnSync } from "node:child_process";
import { once, setMaxListeners } from "node:events";
import { existsSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { connect } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { connectControl, type ControlClient, type ControlEvent } from "../../../src/control.ts";
import { createControlHarness, type ControlHarness } from "../../support/control-harness.ts";

/** Lets what is ready run. */
const turn = (): Promise<undefined> => new Promise((done) => setImmediate(() => done(undefined)));

let harness: ControlHarness;
let control: ControlClient;
beforeEach(async () => {
  harness = await createControlHarness();
  control = harness.control;
});
afterEach(() => harness.close());

describe("the control socket", () => {
  it("is 0600 from its first moment, whatever the umask", async () => {
    const umask = process.umask(0);
    try {
      await harness.start();
    } finally {
      process.umask(umask);
    }
    expect((statSync(harness.socketPath).mode & 0o777).toString(8)).toBe("600");
    expect(process.umask()).toBe(umask);
  });

  it("replaces the socket of a process that was killed", async () => {
    const script = `require("net").createServer().listen(${JSON.stringify(harness.socketPath)}, () => process.kill(process.pid, "SIGKILL"))`;
    spawnSync(process.execPath, ["-e", script]);
    expect(existsSync(harness.socketPath)).toBe(true);
    await expect(control.status()).rejects.toMatchObject({ exitCode: 3 });
    await harness.start();
    await expect(control.status()).resolves.toMatchObject({ version: "1.2.3" });
  });

  it("refuses to take the place of a gateway that lives", async () => {
    await harness.start();
    await expect(harness.start()).rejects.toMatchObject({
      name: "UserError",
      message: `A gateway is already running on ${harness.socketPath}`,
    });
    await expect(control.status()).resolves.toMatchObject({ version: "1.2.3" });
  });

  it("does not delete what is not a socket", async () => {
    writeFileSync(harness.socketPath, "precious");
    await expect(harness.start()).rejects.toThrow("is in the way of the control socket");
    expect(statSync(harness.socketPath).size).toBe(8);
  });

  it("is gone after closing, and so are its listeners", async () => {
    await harness.start();
    const events = control.events(new AbortController().signal)[Symbol.asyncIterator]();
    const next = events.next();
    await harness.raw("GET", "/status");
    await harness.stop();
    await expect(next).resolves.toMatchObject({ done: true });
    expect(existsSync(harness.socketPath)).toBe(false);
  });
});

describe("the event stream of the control API", () => {
  beforeEach(() => harness.start());

  it("streams what happens", async () => {
    const stop = new AbortController();
    const events = control.events(stop.signal)[Symbol.asyncIterator]();
    const first = events.next();
    while (true) {
      // The subscription starts when the gateway has seen the request.
      harness.context.events.publish({
        type: "login.failed",
        at: 1,
        provider: "local",
        reason: "wrong\ncode",
      });
      const heard = await Promise.race([first, turn()]);
      if (heard === undefined) continue;
      expect(heard.value).toEqual({
        id: expect.stringMatching(/^\w[\w-]+\.\d+$/),
        type: "login.failed",
        at: 1,
        provider: "local",
        reason: "wrong\ncode",
      });
      break;
    }
    stop.abort();
  });

  it("bounds what a reader who does not read may pile up, and says how much it missed", async () => {
    const socket = connect(harness.socketPath);
    socket.write("GET /events HTTP/1.1\r\nHost: x\r\n\r\n");
    await once(socket, "readable");
    const reason = "x".repeat(10_000);
    for (let count = 0; count < 2000; count++) {
      harness.context.events.publish({
        type: "login.failed",
        at: count,
        provider: "local",
        reason,
      });
    }
    let text = "";
    socket.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
    while (!text.includes("events.dropped")) {
      await turn();
      harness.context.events.publish({
        type: "login.failed",
        at: 0,
        provider: "local",
        reason: "later",
      });
    }
    socket.destroy();
    expect(text.length).toBeLessThan(8_000_000);
    const dropped = /\{"type":"events.dropped".*\}/.exec(text)![0];
    expect(
      (JSON.parse(dropped) as Extract<ControlEvent, { events: number }>).events,
    ).toBeGreaterThan(500);
  });

  it("does not serve listeners without end", async () => {
    const stop = new AbortController();
    setMaxListeners(16, stop.signal);
    const listeners = Array.from({ length: 16 }, () => {
      const outgoing = request({
        socketPath: harness.socketPath,
        path: "/events",
        agent: false,
        signal: stop.signal,
      });
      outgoing.on("error", () => undefined).end();
      return once(outgoing, "response");
    });
    await Promise.all(listeners);
    expect(await harness.raw("GET", "/events")).toMatchObject({ status: 429 });
    stop.abort();
  });
});

describe("a bad request to the control API", () => {
  beforeEach(() => harness.start());

  it.each([
    ["GET", "/", 404],
    ["GET", "/nothing", 404],
    ["GET", "/clients/a/b", 404],
    ["GET", "//status", 404],
    ["GET", "/clients/%ZZ", 400],
    ["PUT", "/clients", 405],
    ["POST", "/status", 405],
    ["DELETE", "/clients", 400],
    ["POST", "/events", 404],
    ["GET", "/tokens/constructor", 404],
    ["GET", "/clients/__proto__", 404],
    ["GET", "/clients/", 404],
    ["DELETE", "/clients/", 404],
  ])("%s %s is %d in JSON", async (method, path, status) => {
    await harness.populate("only");
    const answer = await harness.raw(method, path);
    expect(answer.status).toBe(status);
    expect(JSON.parse(answer.text)).toEqual({
      error: expect.objectContaining({
        message: expect.any(String) as string,
        code: expect.any(String) as string,
      }) as object,
    });
    expect((await control.clients()).length).toBe(1);
  });

  it("says which methods are possible", async () => {
    expect((await harness.raw("PUT", "/clients")).headers.allow).toBe("GET, POST, DELETE");
  });

  it("is refused when it is not JSON or too large", async () => {
    expect(await harness.raw("POST", "/clients", "{")).toMatchObject({ status: 400 });
    expect(await harness.raw("POST", "/clients", Buffer.alloc(70_000, 32))).toMatchObject({
      status: 413,
    });
  });

  it("never sees a stack or a message of ours when we fail", async () => {
    await harness.stop();
    await harness.start({
      health: () => {
        throw new Error("the secret is 42");
      },
    });
    const { status, text } = await harness.raw("GET", "/status");
    expect(status).toBe(500);
    expect(JSON.parse(text)).toEqual({
      error: { message: "The gateway failed; its log says why", code: "server_error" },
    });
  });
});

describe("without a gateway", () => {
  it("says so, with exit 3", async () => {
    await expect(control.status()).rejects.toMatchObject({
      name: "UserError",
      message: `No gateway is running for ${harness.directory}`,
      exitCode: 3,
    });
    mkdirSync(join(harness.directory, "sub"));
    await expect(connectControl(join(harness.directory, "sub")).clients()).rejects.toMatchObject({
      exitCode: 3,
    });
  });
});
