/** What a program says when it may not, in the words of the runtimes it is written in. */
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { explainDenial } from "../../../../src/bridge/sandbox/denial.ts";
import { NO_PERMISSIONS } from "../../../../src/config/permissions.ts";
import { startBridge } from "../../../support/bridge-server.ts";
import { fixture } from "../../../support/gateway.ts";
import { initialize, post } from "../../../support/mcp-session.ts";

const folder = realpathSync(mkdtempSync(join(tmpdir(), "denial-")));
const here = join(folder, "data.txt");
beforeAll(() => writeFileSync(here, "data"));
afterAll(() => rmSync(folder, { recursive: true }));

const explain = (stderr: string, permissions = {}): string | undefined =>
  explainDenial(stderr, {
    service: "x",
    permissions: { ...NO_PERMISSIONS, ...permissions },
    directory: folder,
    environment: { PATH: process.env["PATH"]! },
    outside: { GITHUB_TOKEN: "there", PATH: "/usr/bin" },
  });

describe("the last words of a program", () => {
  it.each([
    [`Error: ENOENT: no such file or directory, open '${here}'`, "read"],
    ["Error: ENOENT: no such file or directory, open './data.txt'", "read"],
    [`sh: line 12: ${here}: No such file or directory`, "read"],
    [`FileNotFoundError: [Errno 2] No such file or directory: '${here}'`, "read"],
    [
      `  code: 'ERR_ACCESS_DENIED',\n  permission: 'FileSystemRead',\n  resource: '${here}'`,
      "read",
    ],
    [
      `  code: 'ERR_ACCESS_DENIED',\n  permission: 'FileSystemWrite',\n  resource: '${here}'`,
      "write",
    ],
    [`Error: EROFS: read-only file system, open '${here}'`, "write"],
    [`OSError: [Errno 30] Read-only file system: '${here}'`, "write"],
  ])("%j name a file", (stderr, kind) => {
    expect(explain(stderr)).toBe(`permissions.${kind} of services.x does not name ${here}`);
  });

  it.each([
    ["Error: getaddrinfo EAI_AGAIN api.github.com", "permissions.net of services.x is false"],
    ["OSError: [Errno 101] Network is unreachable", "permissions.net of services.x is false"],
    ["npm error code ENOTCACHED", "permissions.net of services.x is false"],
    ["Error: spawn sh ENOENT", "permissions.run of services.x does not name sh"],
    ["/bin/sh: 1: env: not found", "permissions.run of services.x does not name env"],
    ["GITHUB_TOKEN is not set", "permissions.env of services.x does not name GITHUB_TOKEN"],
  ])("%j name something else", (stderr, sentence) => {
    expect(explain(stderr)).toBe(sentence);
  });

  it.each([
    ["", {}],
    ["Error: ENOENT: no such file or directory, open '/really/not/there'", {}],
    [`Error: ENOENT: no such file or directory, open '${here}'`, { read: [folder] }],
    ["Error: spawn no-such-program ENOENT", {}],
    ["Error: getaddrinfo ENOTFOUND nowhere.invalid", { net: true }],
    ["TypeError: SOME_CONSTANT is not a function", {}],
  ])("%j with %j point to nothing that is missing", (stderr, permissions) => {
    expect(explain(stderr, permissions)).toBeUndefined();
  });
});

it("is part of the reason why a program ended at its start", async () => {
  const program = { command: "node", args: [fixture("prober.js"), "--needs", here] };
  const server = await startBridge({
    services: {
      needs: { ...program, permissions: {} },
      given: { ...program, permissions: { read: [here] } },
    },
    stateDirectory: join(folder, "state"),
  });
  const { error } = await (await post(server.endpoint("needs"), initialize())).json();
  expect(error.message).toContain(`(permissions.read of services.needs does not name ${here})`);
  const given = await (await post(server.endpoint("given"), initialize())).json();
  expect(given).toHaveProperty("result");
  await server.close();
});
