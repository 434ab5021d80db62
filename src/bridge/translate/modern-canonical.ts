/**
 * JSON with the members of every object in order, so that equal values have equal texts: a client that sends a request
 * again may write its members in another order.
 *
 * @param value came out of `JSON.parse`, nested no deeper than the bridge lets in
 */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_, member: unknown) => {
    if (typeof member !== "object" || member === null || Array.isArray(member)) return member;
    const entries = Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1));
    return Object.fromEntries(entries);
  });
}
