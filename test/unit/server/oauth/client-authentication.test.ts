import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseBasic } from "../../../../src/server/oauth/client-authentication.ts";

const basic = (text: string | Uint8Array): string =>
  `Basic ${Buffer.from(text).toString("base64")}`;

const encode = (text: string): string => new URLSearchParams({ a: text }).toString().slice(2);

describe("HTTP Basic credentials of a client, RFC 6749 §2.3.1", () => {
  it("are form-decoded after the split at the first colon", () => {
    expect(parseBasic(basic("a%3Ab:c+d%2B:e"))).toEqual({ clientId: "a:b", secret: "c d+:e" });
    expect(parseBasic(basic("%C3%A4:%E2%9C%93"))).toEqual({ clientId: "ä", secret: "✓" });
  });

  it("may have any case of the scheme and an empty secret", () => {
    expect(parseBasic(basic("id:").replace("Basic", "bAsIc"))).toEqual({
      clientId: "id",
      secret: "",
    });
  });

  it.each([
    "",
    "Basic",
    "Basic ",
    "Basic !!!!",
    `Bearer ${Buffer.from("a:b").toString("base64")}`,
    `${basic("a:b")}, ${basic("c:d")}`,
    basic("no colon"),
    basic(":secret"),
    basic("id:100%"),
    basic("id:%zz"),
    basic(new Uint8Array([0xff, 0x3a, 0x61])),
  ])("are not %j", (header) => {
    expect(parseBasic(header)).toBeUndefined();
  });

  it("survive the round trip whatever they contain", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "grapheme", minLength: 1 }),
        fc.string({ unit: "grapheme" }),
        (clientId, secret) => {
          expect(parseBasic(basic(`${encode(clientId)}:${encode(secret)}`))).toEqual({
            clientId,
            secret,
          });
        },
      ),
    );
    fc.assert(fc.property(fc.string(), (header) => void parseBasic(header)));
  });
});
