import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createCredentials, type Credentials } from "../../../src/server/credentials.ts";
import { createSeal, type Seal } from "../../../src/server/seal.ts";
import { createServerContext, type TestContext } from "../../support/server-context.ts";

const OLD = "an old secret of the operator";
const NEW = "a new secret of the operator";

let context: TestContext;
beforeEach(async () => (context = await createServerContext()));
afterEach(() => context.close());

/** One for all tests: a derivation is slow by design. */
const oldSeal = createSeal([OLD]);

function sealedBy(seal: Seal): Credentials {
  const { store, clock, events, issuer } = context;
  return createCredentials({ store, clock, events, issuer, seal: async () => seal });
}

const enter = (credentials: Credentials, subject: string, value: string) =>
  credentials.enter("files", subject, new Map([["TOKEN", value]]));

describe("credentials of people", () => {
  it("do not open in another person's place", async () => {
    const credentials = sealedBy(oldSeal);
    await enter(credentials, "local:ada", "ada's");
    await enter(credentials, "local:bob", "bob's");
    const { items } = await context.store.list("credential");
    const [one, two] = items;
    await context.store.put("credential", one!.id, { ...one!.record, values: two!.record.values });
    await expect(credentials.values("files", one!.record.subject)).rejects.toThrow(/decrypted/);
    const other = two!.record.subject;
    expect((await credentials.values("files", other)).get("TOKEN")).toMatch(/'s$/);
  });

  it("outlive the secret that encrypted them, once a gateway has started with both", async () => {
    await enter(sealedBy(oldSeal), "local:ada", "ada's");
    await sealedBy(createSeal([NEW, OLD])).renew();
    const values = await sealedBy(createSeal([NEW])).values("files", "local:ada");
    expect(values.get("TOKEN")).toBe("ada's");
  });

  it("have another version after every change, and none is lost when two are entered at once", async () => {
    const credentials = sealedBy(oldSeal);
    await Promise.all(
      ["A", "B", "C"].map((name) =>
        credentials.enter("files", "local:ada", new Map([[name, "value"]])),
      ),
    );
    const before = await credentials.state("files", "local:ada");
    expect([...before.names].toSorted()).toEqual(["A", "B", "C"]);
    expect(await credentials.remove("files", "local:ada", "B")).toEqual(["B"]);
    const after = await credentials.state("files", "local:ada");
    expect(after.version).not.toBe(before.version);
    expect(await credentials.remove("files", "local:ada")).toEqual(["A", "C"]);
    expect((await context.store.list("credential")).items).toEqual([]);
  });
});
