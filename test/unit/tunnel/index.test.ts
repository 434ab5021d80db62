import { describe, expect, it } from "vitest";
import { cloudflaredUrl, ngrokUrl, tunnelProvider } from "../../../src/tunnel/index.ts";

describe("what stands after --tunnel", () => {
  it.each([
    ["ssh://me@host.example?url=https://dev.example", "ssh"],
    ["ssh://[::1]:22?remote=80&url=https://dev.example", "ssh"],
    ["ngrok", "ngrok"],
    ["cloudflared", "cloudflared"],
    ["url=https://dev.example/", "url"],
  ])("%s is a way", (text, id) => {
    expect(tunnelProvider(text).id).toBe(id);
  });

  it.each([
    "relay",
    "ssh://host.example", // no address
    "ssh://-oProxyCommand=x?url=https://dev.example",
    "ssh://-l@host.example?url=https://dev.example",
    "ssh://%2DF@host.example?url=https://dev.example",
    "ssh://me:secret@host.example?url=https://dev.example",
    "ssh://host.example?remote=80:evil&url=https://dev.example",
    "ssh://?url=https://dev.example",
    "url=https://dev.example/path",
    "url=https://me@dev.example",
    "url=ftp://dev.example",
    "url=",
  ])("%s is refused with the ways there are", (text) => {
    expect(() => tunnelProvider(text)).toThrow(
      expect.objectContaining({ exitCode: 2, hint: expect.stringContaining("cloudflared") }),
    );
  });
});

describe("the address in the output of a program", () => {
  it.each([
    [
      "INF |  https://calm-sea-of-tea.trycloudflare.com    |",
      "https://calm-sea-of-tea.trycloudflare.com",
    ],
    ["INF Requesting new quick Tunnel on https://api.trycloudflare.com/tunnel", undefined],
    ["see https://developers.cloudflare.com/cloudflare-one/", undefined],
    ["https://a.trycloudflare.com.evil.example", undefined],
  ])("of cloudflared: %s", (line, url) => {
    expect(cloudflaredUrl(line)).toBe(url);
  });

  it.each([
    ['{"lvl":"info","msg":"started tunnel","url":"https://a.ngrok.app"}', "https://a.ngrok.app"],
    ['{"lvl":"info","msg":"starting web service","url":"http://127.0.0.1:4040"}', undefined],
    ["null", undefined],
    ["no JSON", undefined],
  ])("of ngrok: %s", (line, url) => {
    expect(ngrokUrl(line)).toBe(url);
  });
});
