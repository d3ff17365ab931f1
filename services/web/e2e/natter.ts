// The real server, in a directory of its own.
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const binary = process.env.NATTER_TEST_BIN ?? new URL("../../../bin/natter", import.meta.url).pathname;

export interface Natter {
  url: string;
  /** Ends the process as a crash would, or politely, and waits for it. */
  stop(signal?: NodeJS.Signals): Promise<void>;
  /** Starts it again, on the same port and data. */
  start(): Promise<void>;
  /** Stops it and removes its data. */
  close(): Promise<void>;
}

export async function startNatter(settings: Record<string, string> = {}): Promise<Natter> {
  const data = await mkdtemp(join(tmpdir(), "natter-e2e-"));
  const [port, admin] = [await freePort(), await freePort()];
  const url = `http://localhost:${port}`;
  let child: ChildProcess | undefined;
  let log = "";
  const natter: Natter = {
    url,
    async start() {
      const started = spawn(binary, [], {
        cwd: data,
        stdio: ["ignore", "pipe", "pipe"],
        env: {
          ...process.env,
          NATTER_DATA_DIR: data,
          NATTER_HTTP_ADDR: `localhost:${port}`,
          NATTER_ADMIN_ADDR: `localhost:${admin}`,
          NATTER_HTTP_RATE_AUTH: "off",
          ...settings,
        },
      });
      child = started;
      for (const out of [started.stdout, started.stderr])
        out?.on("data", (text) => {
          log = (log + text).slice(-20_000);
        });
      await until(
        async () => {
          if (started.exitCode !== null) throw new Error(`natter ended with ${started.exitCode}:\n${log}`);
          return (await fetch(`http://localhost:${admin}/readyz`).catch(() => undefined))?.ok ?? false;
        },
        () => `natter is not ready:\n${log}`,
      );
    },
    async stop(signal = "SIGTERM") {
      const running = child;
      child = undefined;
      if (!running || running.exitCode !== null) return;
      const ended = new Promise((resolve) => running.once("exit", resolve));
      running.kill(signal);
      await ended;
    },
    async close() {
      await natter.stop("SIGKILL");
      await rm(data, { recursive: true, force: true });
    },
  };
  await natter.start();
  return natter;
}

/** Polls until it is so, for at most 20 s. */
export async function until(isSo: () => Promise<boolean>, explain: () => string): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error(explain());
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", reject);
    server.listen(0, "localhost", () => {
      const address = server.address();
      server.close(() => (address && typeof address === "object" ? resolve(address.port) : reject(new Error("no port"))));
    });
  });
}
