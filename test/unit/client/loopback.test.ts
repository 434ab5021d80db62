import { request } from "node:http";
import { describe, expect, it, onTestFinished } from "vitest";
import { listenOnLoopback, type Loopback } from "../../../src/client/loopback.ts";

async function listening(): Promise<Loopback> {
  const loopback = await listenOnLoopback(0);
  onTestFinished(() => loopback!.close());
  return loopback!;
}

const never = new AbortController().signal;

/** Status of a GET with this Host header. */
function getAs(host: string, url: string): Promise<number | undefined> {
  return new Promise((fulfil, reject) => {
    const asked = request(url, { headers: { host } }, (response) => {
      response.resume();
      fulfil(response.statusCode);
    });
    asked.on("error", reject).end();
  });
}

describe("the loopback redirect, RFC 8252 §7.3", () => {
  it("takes the one answer that carries the state", async () => {
    const loopback = await listening();
    const answer = loopback.answer("right", never);
    for (const query of ["state=wrong&code=1", "code=1", "state=", ""]) {
      expect((await fetch(`${loopback.redirectUri}?${query}`)).status).toBe(404);
    }
    const post = await fetch(`${loopback.redirectUri}?state=right`, { method: "POST" });
    expect(post.status).toBe(404);
    const page = await fetch(`${loopback.redirectUri}?state=right&code=2`);
    expect(page.status).toBe(200);
    expect(page.headers.get("content-security-policy")).toContain("default-src 'none'");
    expect(page.headers.get("referrer-policy")).toBe("no-referrer");
    expect((await answer).get("code")).toBe("2");
    // A code is good once, so is the answer.
    expect((await fetch(`${loopback.redirectUri}?state=right&code=3`)).status).toBe(404);
  });

  it("refuses another Host: a name that points here is somebody's trick", async () => {
    const loopback = await listening();
    void loopback.answer("s", never);
    const url = `${loopback.redirectUri}?state=s&code=1`;
    expect(await getAs("evil.example", url)).toBe(404);
    expect(await getAs(new URL(loopback.redirectUri).host, url)).toBe(200);
  });

  it("shows nothing of what came with the answer", async () => {
    const loopback = await listening();
    void loopback.answer("s", never);
    const query = new URLSearchParams({ state: "s", error: "<script>alert(1)</script>" });
    const page = await fetch(`${loopback.redirectUri}?${query.toString()}`);
    expect(await page.text()).not.toContain("alert");
  });

  it("is undefined where the port is taken, and gives up when told to", async () => {
    const loopback = await listening();
    expect(await listenOnLoopback(Number(new URL(loopback.redirectUri).port))).toBeUndefined();
    const stop = new AbortController();
    const answer = loopback.answer("s", stop.signal);
    stop.abort(new Error("too late"));
    await expect(answer).rejects.toThrow("too late");
  });
});
