/** Bounds of depth stand on the common ground, for `connect` relays messages too; the bridge's files know them by this name. */
export * from "../mcp/nesting.ts";
