import { describe, expect, it } from "vitest";
import { headersOf } from "../../../src/client/header-flags.ts";
import { present } from "../../../src/client/present.ts";

const URL_OF_PAGE = "https://as.example/authorize?state=x";

async function shown(
  page: { code?: string },
  environment: NodeJS.ProcessEnv,
  mayOpen = true,
): Promise<string> {
  const told: string[] = [];
  await present(
    { url: URL_OF_PAGE, port: 4321, ...page },
    { mayOpen, tell: (text) => void told.push(text), environment },
  );
  return told.join("\n");
}

describe("a login page", () => {
  it("is an address where there is no browser, with the way to reach this machine", async () => {
    const text = await shown({}, { SSH_CONNECTION: "1 2 3 4", DISPLAY: ":0" });
    expect(text).toContain(URL_OF_PAGE);
    expect(text).toContain("ssh -L 4321:127.0.0.1:4321");
    expect(text).toContain("--device");
  });

  it("is only an address when nothing is to be opened", async () => {
    const text = await shown({}, { DISPLAY: ":0" }, false);
    expect(text).toContain(URL_OF_PAGE);
    expect(text).not.toContain("ssh");
  });

  it("of a device comes with its code", async () => {
    expect(await shown({ code: "BCDF-GHJK" }, {})).toContain("the code BCDF-GHJK");
  });
});

describe("headers on the command line", () => {
  it("are taken as they are, or from the environment", () => {
    process.env["HEADER_OF_THIS_TEST"] = "Bearer x:y=z";
    expect(headersOf(["X-A: b:c", "x-d:e"], ["Authorization=HEADER_OF_THIS_TEST"])).toEqual([
      ["X-A", "b:c"],
      ["x-d", "e"],
      ["Authorization", "Bearer x:y=z"],
    ]);
  });

  it.each([["no separator"], [": no name"], ["bad name: x"], ["X-A:"], ["X-A: a\r\nX-B: c"]])(
    "%j is refused",
    (text) => {
      expect(() => headersOf([text])).toThrow(/has no header/);
    },
  );

  it("name a variable that is missing", () => {
    expect(() => headersOf([], ["X-A=NOT_SET_ANYWHERE"])).toThrow(/NOT_SET_ANYWHERE/);
  });
});
