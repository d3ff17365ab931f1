// One program of Natter, as a process. It can be killed and started again, on the same addresses and data.
import { type ChildProcess, spawn } from "node:child_process";
import { createServer } from "node:net";
import { join } from "node:path";

/** The directory with what `make build` makes. */
const binaries = process.env.NATTER_TEST_BIN ?? new URL("../../../bin", import.meta.url).pathname;

/** Cheap passwords, a short drain, no limits for tests that are quicker than people. */
const quick = {
  NATTER_ARGON2_MEMORY: "64KiB",
  NATTER_ARGON2_TIME: "1",
  NATTER_HTTP_RATE_AUTH: "off",
  NATTER_SIGN_UPS_PER_ADDRESS: "0",
  NATTER_DRAIN_WINDOW: "200ms",
};

export class Program {
  #child: ChildProcess | undefined;
  #log = "";
  private constructor(
    readonly name: string,
    readonly admin: number,
    readonly env: Record<string, string>,
  ) {}

  static async start(name: string, env: Record<string, string>): Promise<Program> {
    const program = new Program(name, await freePort(), env);
    await program.start();
    return program;
  }

  async start(): Promise<void> {
    const child = spawn(join(binaries, this.name), [], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...quick, NATTER_ADMIN_ADDR: `localhost:${this.admin}`, ...this.env },
    });
    this.#child = child;
    track(child);
    child.on("error", (error) => (this.#log += `${error.message}: NATTER_TEST_BIN is the directory of the programs, bin/ without it`));
    for (const out of [child.stdout, child.stderr]) out.on("data", (text) => (this.#log = (this.#log + text).slice(-20_000)));
    await until(
      async () => {
        if (child.exitCode !== null || child.pid === undefined) throw new Error(`${this.name} ended with ${child.exitCode}:\n${this.#log}`);
        return (await fetch(`http://localhost:${this.admin}/readyz`).catch(() => undefined))?.ok ?? false;
      },
      () => `${this.name} is not ready:\n${this.#log}`,
    );
  }

  /** Waits until something is in its log; returns what matched last. */
  async logged(pattern: RegExp): Promise<string> {
    const find = () => [...this.#log.matchAll(new RegExp(pattern, "g"))].at(-1)?.[0];
    await until(
      async () => find() !== undefined,
      () => `${pattern} is not in the log of ${this.name}:\n${this.#log}`,
    );
    return find() ?? "";
  }

  /** Ends it as a crash would, or politely, and waits for that. */
  async stop(signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (!child || child.exitCode !== null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill(signal);
    await ended;
  }
}

const running = new Set<ChildProcess>();

/** Remembers a process that endPrograms is to end. */
export function track(child: ChildProcess): void {
  running.add(child);
  child.once("exit", () => running.delete(child));
}

/** Ends what a test that failed has left behind. */
export function endPrograms(): void {
  for (const child of running) child.kill("SIGKILL");
}

/** Polls until it is so, for at most 20 s. */
export async function until(isSo: () => Promise<boolean>, explain: () => string): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error(explain());
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", reject);
    server.listen(0, "localhost", () => {
      const address = server.address();
      server.close(() => (address && typeof address === "object" ? resolve(address.port) : reject(new Error("no port"))));
    });
  });
}

/** Where programs are, for those that are started in another way. */
export const binary = (name: string): string => join(binaries, name);
