/**
 * `connect` on the machines people have: a browser that is opened, a proxy between, a server that is loose about a rule.
 */
import { once } from "node:events";
import { chmodSync, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { createHome } from "../support/connect-process.ts";
import { startForeign } from "../support/foreign-server.ts";

describe("the browser", () => {
  it.runIf(process.platform === "linux")("is opened with the address, and no shell", async () => {
    const foreign = await startForeign();
    foreign.metadata = { authorization_endpoint: `${foreign.origin}/authorize?a=$(touch+x)` };
    const home = createHome();
    const seen = join(home.env["HOME"]!, "seen");
    const program = join(home.env["HOME"]!, "browser");
    writeFileSync(program, `#!/bin/sh\nprintf %s "$1" > ${seen}\n`);
    chmodSync(program, 0o755);
    home.env["BROWSER"] = program;
    const host = home.spawn(foreign.url, ["--callback-port", "0"], { mayOpen: true });
    await host.open();
    await expect.poll(() => existsSync(seen), { timeout: 10_000 }).toBe(true);
    expect(readFileSync(seen, "utf8")).toBe(home.pages[0]);
    expect(readdirSync(home.env["HOME"]!)).not.toContain("x");
  });
});

describe("a proxy of the environment", () => {
  it("carries discovery, tokens and messages", async () => {
    const foreign = await startForeign("server.test");
    const targets: string[] = [];
    const proxy = createServer().listen(0, "127.0.0.1");
    await once(proxy, "listening");
    onTestFinished(() => {
      proxy.close();
      proxy.closeAllConnections();
    });
    proxy.on("connect", (request, socket) => {
      targets.push(request.url!);
      const port = Number(request.url!.split(":")[1]);
      const through = connect(port, "127.0.0.1", () => {
        socket.write("HTTP/1.1 200 OK\r\n\r\n");
        socket.pipe(through).pipe(socket);
      });
      socket.on("error", () => through.destroy());
      through.on("error", () => socket.destroy());
    });
    const home = createHome();
    home.env["http_proxy"] = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    // The person has another way to the server than this machine.
    const visit = home.person;
    home.person = (page) => visit(page.replace("server.test", "127.0.0.1"));
    const refused = home.spawn(foreign.url);
    expect(await refused.end()).toBe(1);
    expect(refused.stderr()).toMatch(/is not an https address/);
    const host = home.spawn(foreign.url, ["--allow-http"]);
    expect((await host.open()).result.serverInfo.name).toBe("foreign");
    expect((await host.request(1, "tools/call", { name: "a" })).result).toBeDefined();
    expect(new Set(targets)).toEqual(new Set([new URL(foreign.url).host]));
  });
});

describe("several logins at one server", () => {
  it("are kept apart by --account, and shared by the ways to log in", async () => {
    const foreign = await startForeign();
    const home = createHome();
    for (const flags of [[], ["--account", "work"], ["--account", "work"], ["--device"]]) {
      const host = home.spawn(foreign.url, flags);
      await host.open();
      expect(await host.end()).toBe(0);
    }
    expect(home.pages).toHaveLength(2);
    expect(readdirSync(home.directory)).toHaveLength(2);
  });
});

describe("a server that is loose", () => {
  it("registers with 200 instead of 201", async () => {
    const foreign = await startForeign();
    foreign.registered = 200;
    const host = createHome().spawn(foreign.url);
    expect((await host.open()).result.serverInfo.name).toBe("foreign");
  });

  it("has no token endpoint any more: its words end nothing but the token", async () => {
    const foreign = await startForeign();
    const home = createHome();
    const host = home.spawn(foreign.url);
    await host.open();
    foreign.expire();
    foreign.routes["/token"] = (_request, response) => void response.writeHead(503).end("later");
    const { error } = await host.request(1, "tools/call", { name: "a" });
    expect(error.message).toMatch(/Refreshing the token/);
    expect(home.pages).toHaveLength(1);
    delete foreign.routes["/token"];
    expect((await host.request(2, "tools/call", { name: "a" })).result).toBeDefined();
    expect(home.pages).toHaveLength(1);
    foreign.expire();
    foreign.routes["/token"] = (_request, response) => {
      delete foreign.routes["/token"];
      response.writeHead(404).end("<html>");
    };
    expect((await host.request(3, "tools/call", { name: "a" })).result).toBeDefined();
    expect(home.pages).toHaveLength(2);
  });
});
