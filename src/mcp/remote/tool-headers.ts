/**
 * Which arguments of a server's tools are repeated in headers, as a client of it knows them: from every list of tools that
 * passes. The server shows all of us the same list, because all of us use its credentials.
 */
import { headerDeclarations, type HeaderDeclaration } from "../header-declarations.ts";
import { asObject } from "../json-rpc.ts";

const MOST_TOOLS = 10_000;

export class ToolHeaders {
  /** Only tools that have any. */
  readonly #declared = new Map<string, readonly HeaderDeclaration[]>();

  /** @param result of `tools/list` */
  learn(result: unknown): void {
    const tools = asObject(result)?.["tools"];
    if (!Array.isArray(tools)) return;
    for (const tool of tools as unknown[]) {
      const name = asObject(tool)?.["name"];
      if (typeof name !== "string") continue;
      const declarations = headerDeclarations(tool);
      if (declarations.length === 0) this.#declared.delete(name);
      else if (this.#declared.size < MOST_TOOLS) this.#declared.set(name, declarations);
    }
  }

  /** @returns names and values by turns, the values not yet encoded */
  of(tool: string, given: unknown): string[] {
    const headers: string[] = [];
    for (const { header, path } of this.#declared.get(tool) ?? []) {
      let value: unknown = given;
      for (const member of path) {
        const object = asObject(value);
        value = object && Object.hasOwn(object, member) ? object[member] : undefined;
      }
      const isMirrored = ["string", "number", "boolean"].includes(typeof value);
      if (isMirrored) headers.push(header, String(value));
    }
    return headers;
  }
}
