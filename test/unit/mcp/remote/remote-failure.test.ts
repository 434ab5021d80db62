import { describe, expect, it } from "vitest";
import { failureOf, refusalOf } from "../../../../src/mcp/remote/remote-failure.ts";

const coded = (code: string, message = "at 10.0.0.1") =>
  Object.assign(new Error(message), { code });

describe("why a server elsewhere was not reached", () => {
  it("is said in words without addresses; those are for the log", () => {
    const failure = failureOf(coded("ECONNREFUSED", "connect ECONNREFUSED 10.0.0.1:80"));
    expect(failure.message).toBe("cannot be reached: connection refused");
    expect(failure.detail).toContain("10.0.0.1");
    expect(failure.outage).toEqual({ status: 502 });
  });

  it("is a time-out of the gateway where nobody answered", () => {
    for (const code of ["UND_ERR_CONNECT_TIMEOUT", "UND_ERR_HEADERS_TIMEOUT", "ETIMEDOUT"]) {
      expect(failureOf(coded(code)).outage.status).toBe(504);
    }
  });

  it("is found among the attempts at several addresses", () => {
    const all = new AggregateError([coded("ECONNREFUSED"), coded("ENETUNREACH")]);
    expect(failureOf(all).message).toContain("connection refused");
  });

  it("is never what the server wrote", () => {
    expect(failureOf(coded("HPE_INVALID_CONSTANT", "<evil>")).message).toBe("does not speak HTTP");
    expect(failureOf(new Error("<evil>")).message).toBe("cannot be reached");
  });
});

describe("what a refusal says", () => {
  const NOW = 1_800_000_000;
  const retry = (value: string, status = 503) =>
    refusalOf(status, { "retry-after": value }, NOW).outage.retryAfter;

  it("is when to come back, in seconds or as a date, within reason (RFC 9110 10.2.3)", () => {
    expect(retry("17")).toBe(17);
    expect(retry("0")).toBe(1);
    expect(retry(new Date((NOW + 90) * 1000).toUTCString())).toBe(90);
    expect(retry(new Date((NOW - 90) * 1000).toUTCString())).toBe(1);
    expect(retry("999999999")).toBe(3600);
    expect(retry("soon")).toBeUndefined();
    expect(refusalOf(503, {}, NOW).outage).toEqual({ status: 503 });
  });

  it("is a bad gateway, unless we are too many or too early", () => {
    const statuses = [400, 401, 403, 429, 500, 502, 503, 504].map(
      (status) => refusalOf(status, {}, NOW).outage.status,
    );
    expect(statuses).toEqual([502, 502, 502, 429, 502, 502, 503, 502]);
  });
});
