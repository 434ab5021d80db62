/**
 * The services as they are configured now, and those that were and still serve somebody.
 */
import type { Clock } from "../clock.ts";
import type { Service, ServiceHealth } from "./service/service.ts";

const LOOK = 5; // seconds between two looks whether a retired service still serves anybody
const GRACE = 2; // seconds before each firmer step

export class ServiceTable {
  readonly #clock: Clock;
  #current: ReadonlyMap<string, Service>;
  readonly #retired = new Set<Service>();
  #cancelLook: (() => void) | undefined;

  constructor(services: ReadonlyMap<string, Service>, clock: Clock) {
    this.#current = services;
    this.#clock = clock;
  }

  get(name: string): Service | undefined {
    return this.#current.get(name);
  }

  /** @returns names of those that are gone, and of those that are others now */
  replace(next: ReadonlyMap<string, Service>): { removed: string[]; changed: string[] } {
    const old = [...this.#current].filter(([name, service]) => next.get(name) !== service);
    this.#current = next;
    for (const [, service] of old) {
      service.retire?.();
      this.#retired.add(service);
    }
    if (old.length > 0) this.#cancelLook ??= this.#lookLater();
    const names = old.map(([name]) => name);
    return {
      removed: names.filter((name) => !next.has(name)),
      changed: names.filter((name) => next.has(name)),
    };
  }

  health(): Record<string, ServiceHealth> {
    return Object.fromEntries(
      Array.from(this.#current, ([name, service]) => {
        const health = service.health();
        const before = [...this.#retired].filter((retired) => retired.name === name);
        const children = before.flatMap((retired) => retired.health().children);
        return [name, { ...health, children: [...children, ...health.children] }];
      }),
    );
  }

  async stop(graceSeconds: number): Promise<void> {
    this.#cancelLook?.();
    const all = [...this.#current.values(), ...this.#retired];
    await Promise.all(all.map((service) => service.stop(graceSeconds)));
  }

  #lookLater(): () => void {
    return this.#clock.after(LOOK, () => {
      for (const service of this.#retired) {
        const { state, children } = service.health();
        if (state === "running" || children.length > 0) continue;
        this.#retired.delete(service);
        void service.stop(GRACE);
      }
      this.#cancelLook = this.#retired.size > 0 ? this.#lookLater() : undefined;
    });
  }
}
