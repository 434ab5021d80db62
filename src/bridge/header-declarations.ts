/** Stands on the common ground, for `connect` writes these headers; the bridge's files know it by this name. */
export * from "../mcp/header-declarations.ts";
