import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ConfigInput } from "../../../src/config.ts";
import { makeConfig } from "../../../src/config-file.ts";
import { createResources } from "../../../src/server/resources.ts";

const command = { command: "true" };
const make = (input: Partial<ConfigInput>) =>
  createResources(
    makeConfig({
      publicUrl: "https://gw.example.com",
      services: { files: command, fetch: command },
      ...input,
    }),
  );

describe("resources with path routing", () => {
  const resources = make({ defaultService: "files" });

  it("have one canonical URI for each endpoint and its metadata", () => {
    expect(resources.all.map(({ uri, metadataUri }) => [uri, metadataUri])).toEqual([
      [
        "https://gw.example.com/mcp",
        "https://gw.example.com/.well-known/oauth-protected-resource/mcp",
      ],
      [
        "https://gw.example.com/files/mcp",
        "https://gw.example.com/.well-known/oauth-protected-resource/files/mcp",
      ],
      [
        "https://gw.example.com/fetch/mcp",
        "https://gw.example.com/.well-known/oauth-protected-resource/fetch/mcp",
      ],
    ]);
  });

  it.each([
    "https://gw.example.com/files/mcp",
    "https://gw.example.com/files/mcp/",
    "HTTPS://GW.EXAMPLE.COM/files/mcp",
    "https://gw.example.com:443/files/mcp",
  ])("recognise %s as the same resource (A10)", (uri) => {
    expect(resources.named(uri)?.uri).toBe("https://gw.example.com/files/mcp");
  });

  it.each([
    "http://gw.example.com/files/mcp",
    "https://gw.example.com/files/MCP",
    "https://gw.example.com/files/mcp//",
    "https://gw.example.com/files/mcp?x=1",
    "https://gw.example.com/files/mcp?",
    "https://gw.example.com/files/mcp#x",
    "https://gw.example.com/files/mcp#",
    "https://gw.example.com/fetch/../files/mcp",
    "https://gw.example.com/files%2fmcp",
    "https://user@gw.example.com/files/mcp",
    "https://gw.example.com.evil.example/files/mcp",
    "https://gw.example.com",
    "/files/mcp",
    "javascript:alert(1)",
    "",
  ])("do not recognise %s (AZ-23, AZ-24)", (uri) => {
    expect(resources.named(uri)).toBeUndefined();
  });

  it("never throw and never recognise what is not theirs", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.webUrl()), (text) => {
        expect(resources.named(text)).toBeUndefined();
      }),
    );
  });

  it("are found by host and path, one trailing slash tolerated", () => {
    expect(resources.at("gw.example.com", "/files/mcp")?.service).toBe("files");
    expect(resources.at("GW.example.com.", "/mcp/")?.service).toBe("files");
    expect(resources.at("gw.example.com", "/files/mcpfoo")).toBeUndefined();
    expect(resources.at("evil.example", "/files/mcp")).toBeUndefined();
  });
});

describe("the resource of a client that names none", () => {
  it("is the default service's", () => {
    expect(make({ defaultService: "fetch" }).fallback?.uri).toBe("https://gw.example.com/mcp");
  });

  it("is the only one", () => {
    expect(make({ services: { only: command } }).fallback?.uri).toBe("https://gw.example.com/mcp");
  });

  it("is never chosen among several (AZ-27)", () => {
    expect(make({}).fallback).toBeUndefined();
  });
});

describe("resources with subdomain routing", () => {
  const resources = make({ routing: "subdomain" });

  it("have the service in the host", () => {
    expect(resources.at("files.gw.example.com", "/mcp")?.uri).toBe(
      "https://files.gw.example.com/mcp",
    );
    expect(resources.at("gw.example.com", "/files/mcp")).toBeUndefined();
  });

  it("add each service's host to the gateway's", () => {
    expect([...resources.hosts]).toEqual([
      "gw.example.com",
      "files.gw.example.com",
      "fetch.gw.example.com",
    ]);
  });
});
