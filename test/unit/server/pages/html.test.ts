import { array, assert, constantFrom, oneof, property, string } from "fast-check";
import { describe, expect, it } from "vitest";
import { html } from "../../../../src/server/pages/html.ts";

/** What a browser makes of escaped text. */
function unescape(text: string): string {
  return text
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&quot;", '"')
    .replaceAll("&#39;", "'")
    .replaceAll("&#96;", "`")
    .replaceAll("&amp;", "&");
}

const hostile = oneof(
  string({ unit: "binary" }),
  constantFrom("<script>alert(1)</script>", `"><img onerror=x>`, "' onfocus='x", "&lt;", "${x}"),
);

describe("html", () => {
  it("lets no value open a tag, end an attribute or start an entity", () => {
    assert(
      property(hostile, (value) => {
        const inner = html`${value}`.toString();
        expect(inner).not.toMatch(/[<>"'`]/);
        expect(inner).not.toMatch(/&(?!amp;|lt;|gt;|quot;|#39;|#96;)/);
        expect(unescape(inner)).toBe(value);
        expect(html`<p title="${value}">${value}</p>`.toString()).toBe(
          `<p title="${inner}">${inner}</p>`,
        );
      }),
    );
  });

  it("escapes a value once, however deep it stands", () => {
    assert(
      property(array(hostile), (values) => {
        const nested = html`<ul>
          ${values.map((value) => html`<li>${value}</li>`)}
        </ul>`.toString();
        for (const value of values)
          expect(nested).toContain(`<li>${html`${value}`.toString()}</li>`);
      }),
    );
  });

  it("shows nothing for what is not there, and zero as zero", () => {
    expect(html`a${undefined}${null}${false}${[]}${0}b`.toString()).toBe("a0b");
  });
});
