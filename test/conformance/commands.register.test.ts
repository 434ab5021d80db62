/** Programs as an operator registers them, met as processes. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { spawnGateway, type GatewayProcess } from "../support/gateway-process.ts";
import { createSigner } from "../support/operator.ts";
import { basicAuth } from "../support/raw-client.ts";
import { runCommand, type Result } from "../support/run-command.ts";

let directory: string;
let gateway: GatewayProcess;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "register-"));
  gateway = await spawnGateway({ cwd: directory });
});
afterAll(async () => {
  await gateway.kill("SIGTERM");
  rmSync(directory, { recursive: true });
});

const register = (line: string): Promise<Result> =>
  runCommand(["client", "register", "--name", "ci", ...line.split(" ")], { cwd: directory });

const token = (headers: Record<string, string>, form: Record<string, string> = {}) =>
  fetch(`${gateway.url}/token`, {
    method: "POST",
    headers,
    body: new URLSearchParams({ grant_type: "client_credentials", ...form }),
  });

describe("client register --grant client_credentials", () => {
  it("gives a program a secret that gets tokens", async () => {
    const grant = "--grant client_credentials --service echo --confidential";
    const { code, stdout } = await register(`${grant} --secret-file program.secret --json`);
    expect(code).toBe(0);
    const { clientId } = JSON.parse(stdout) as { clientId: string };
    const secret = readFileSync(join(directory, "program.secret"), "utf8").trim();
    expect((await token(basicAuth(clientId, secret))).status).toBe(200);
  });

  it("takes a key set in place of a secret, and refuses private keys", async () => {
    const signer = await createSigner("EdDSA");
    const file = join(directory, "jwks.json");
    writeFileSync(file, JSON.stringify({ keys: [signer.publicJwk] }));
    const line = `--grant client_credentials --service echo --jwks-file ${file} --json`;
    const { stdout } = await register(line);
    const { clientId } = JSON.parse(stdout) as { clientId: string };
    const now = Math.floor(Date.now() / 1000);
    const client_assertion = await signer.sign({
      iss: clientId,
      sub: clientId,
      aud: gateway.url,
      exp: now + 60,
      jti: "1",
    });
    const client_assertion_type = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    const form = { client_assertion, client_assertion_type };
    expect((await token({}, form)).status).toBe(200);
    expect((await token({}, form)).status).toBe(401);

    writeFileSync(file, JSON.stringify({ keys: [{ ...signer.publicJwk, d: "x" }] }));
    const refused = await register(line.replace(" --json", ""));
    expect(refused).toMatchObject({ code: 1, stdout: "" });
    expect(refused.stderr).toContain("private or symmetric key");
  });

  it.each([
    ["--grant client_credentials --service echo", 1, "must prove itself"],
    ["--grant client_credentials --confidential", 1, "at least one service"],
    [
      "--grant client_credentials --service nonsense --confidential",
      1,
      "There is no service nonsense",
    ],
    ["--grant password --confidential", 2, "--grant"],
    ["--confidential", 1, "redirectUris"],
    ["--jwks-file nowhere.json --grant client_credentials", 2, "Cannot read a JSON Web Key Set"],
    ["--jwks-uri https://a.example/k --confidential", 2, "--jwks-uri"],
  ])("%s: exit %i and a sentence", async (line, exitCode, sentence) => {
    const { code, stdout, stderr } = await register(line);
    expect({ code, stdout }).toEqual({ code: exitCode, stdout: "" });
    expect(stderr).toContain(sentence);
    expect(stderr).not.toMatch(/^\s+at /m);
  });
});
