// The real server, in a directory of its own: the one process, or the services apart with two gateways.
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { binary, freePort, Program, track } from "./process";

export interface Natter {
  url: string;
  program: Program;
  /** Stops it and removes its data. */
  close(): Promise<void>;
}

/** All of Natter in one process. */
export async function startNatter(settings: Record<string, string> = {}): Promise<Natter> {
  const data = await mkdtemp(join(tmpdir(), "natter-e2e-"));
  const address = `localhost:${await freePort()}`;
  const program = await Program.start("natter", { NATTER_DATA_DIR: data, NATTER_HTTP_ADDR: address, ...settings });
  const close = async () => {
    await program.stop();
    await rm(data, { recursive: true, force: true });
  };
  return { url: `http://${address}`, program, close };
}

export interface Cluster {
  /** Leads to a gateway that is there. */
  url: string;
  gateways: Program[];
  /** Of which gateway the connections that are open are, by its place. */
  inUse(): number[];
  close(): Promise<void>;
}

/** The services apart, over NATS, with two gateways behind one address. */
export async function startCluster(): Promise<Cluster> {
  const data = await mkdtemp(join(tmpdir(), "natter-e2e-"));
  const nats = spawn(binary("nats"), [], { stdio: ["pipe", "pipe", "inherit"] });
  track(nats);
  const [natsURL] = await new Promise<string[]>((resolve) => createInterface(nats.stdout).once("line", (line) => resolve([line])));
  const env = {
    NATTER_DATA_DIR: data,
    NATTER_NATS_URL: natsURL ?? "",
    NATTER_SECRET_KEY: Buffer.alloc(32, 7).toString("base64"),
  };
  const services = await Promise.all(["auth", "rooms", "message-store"].map((name) => Program.start(name, env)));
  const ports = [await freePort(), await freePort()];
  const gateways = await Promise.all(ports.map((port) => Program.start("edge-gateway", { ...env, NATTER_HTTP_ADDR: `localhost:${port}` })));
  const front = await startFront(ports);
  return {
    url: front.url,
    gateways,
    inUse: front.inUse,
    async close() {
      front.close();
      await Promise.all([...gateways, ...services].map((program) => program.stop()));
      nats.stdin.end();
      await new Promise((resolve) => (nats.exitCode === null ? nats.once("exit", resolve) : resolve(0)));
      await rm(data, { recursive: true, force: true });
    },
  };
}

/** A load balancer: each connection goes to the first gateway that takes it. */
async function startFront(ports: number[]) {
  const open = new Map<Socket, number>();
  const server = createServer((client) => {
    client.on("error", () => client.destroy());
    const tryNext = (place: number) => {
      const port = ports[place];
      if (port === undefined) return client.destroy();
      const upstream = connect(port, "localhost");
      upstream.once("error", () => (open.has(client) ? client.destroy() : tryNext(place + 1)));
      upstream.once("connect", () => {
        open.set(client, place);
        client.pipe(upstream).pipe(client);
      });
      upstream.once("close", () => open.has(client) && client.destroy());
      client.once("close", () => {
        open.delete(client);
        upstream.destroy();
      });
    };
    tryNext(0);
  });
  await new Promise<void>((resolve) => server.listen(0, "localhost", resolve));
  return {
    url: `http://localhost:${(server.address() as AddressInfo).port}`,
    inUse: () => [...open.values()],
    close: () => {
      for (const client of open.keys()) client.destroy();
      server.close();
    },
  };
}
