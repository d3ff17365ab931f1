// How the timeline does in a large room and in a busy one: npm run bench. It prints numbers and asserts nothing that a slow machine fails.
import type { Browser, CDPSession, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { WebSocket } from "ws";
import { Account } from "./account";
import { Person, startBrowser } from "./browser";
import { type Natter, startNatter } from "./natter";

const messages = Number(process.env.NATTER_TEST_MESSAGES ?? 100_000);
/** Frames of scrolling, and pixels of each. */
const frames = 1800;
const step = 150;
/** Events per second in the busy room, and for how many seconds. */
const rate = 200;
const seconds = 15;

let natter: Natter;
let browser: Browser;
let ana: Account;
let ben: Account;

beforeAll(async () => {
  const noLimits = {
    NATTER_FRAME_RATE_CONNECTION: "off",
    NATTER_FRAME_RATE_USER: "off",
    NATTER_FRAME_RATE_IP: "off",
    NATTER_COMMANDS_PER_SECOND: "100000",
  };
  [natter, browser] = await Promise.all([startNatter({ NATTER_HTTP_RATE_WRITE: "off", ...noLimits }), startBrowser()]);
  [ana, ben] = await Promise.all([Account.register(natter.url, "ana"), Account.register(natter.url, "ben")]);
});
afterAll(async () => {
  await browser?.close();
  await natter?.close();
});

const words = "the garden needs **water** and some `compost` before the frost comes back, said nobody in particular at noon".split(" ");
const text = (i: number) =>
  `${i}: ${Array.from({ length: 4 + ((i * 7919) % 40) }, (_, k) => words[(i * 31 + k) % words.length]).join(" ")}`;

test("a room of very many messages, from its end upwards", async () => {
  const roomId = await ben.createRoom("large", ana);
  await pour(ben, roomId, messages, Infinity);
  const page = await openAtEnd(roomId);
  const devtools = await page.context().newCDPSession(page);
  const before = await heap(devtools);
  const busy = await mainThread(devtools);
  const times = await page.evaluate(scrollUp, { frames, step });
  console.log(`${messages} messages; ${frames} frames of ${step} px upwards`);
  console.log(`frame times: ${quantiles(times.frames)}; rendered rows at most ${times.rows}; messages loaded ${times.passed}`);
  console.log(`main thread: ${(((await mainThread(devtools)) - busy) / frames).toFixed(2)} ms of CPU per frame`);
  console.log(`heap: ${before} MiB at the end of the room, ${await heap(devtools)} MiB after`);
  expect(times.passed).toBeGreaterThan(1000);
  await page.close();
});

test("typing while events come in", async () => {
  const roomId = await ben.createRoom("busy", ana);
  await pour(ben, roomId, 600, Infinity);
  const page = await openAtEnd(roomId);
  await page.evaluate(() => {
    const seen = { keys: [] as number[], tasks: [] as number[], frames: [] as number[] };
    Object.assign(window, { seen });
    new PerformanceObserver((list) => {
      for (const e of list.getEntries()) if (e.name === "keydown") seen.keys.push(e.duration);
    }).observe({ type: "event", durationThreshold: 16 } as PerformanceObserverInit);
    new PerformanceObserver((list) => seen.tasks.push(...list.getEntries().map((e) => e.duration))).observe({ type: "longtask" });
    let last = performance.now();
    const tick = (now: number) => {
      seen.frames.push(now - last);
      last = now;
      requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
  });
  const devtools = await page.context().newCDPSession(page);
  const busy = await mainThread(devtools);
  const pouring = pour(ben, roomId, rate * seconds, rate);
  const composer = page.getByRole("textbox", { name: /^Message to/ });
  await composer.focus();
  let typed = 0;
  for (const begin = performance.now(); performance.now() - begin < seconds * 1000; typed++) {
    await page.keyboard.press("a");
    await page.waitForTimeout(90);
  }
  await pouring;
  const { keys, tasks, frames } = await page.evaluate(
    () => (window as unknown as { seen: { keys: number[]; tasks: number[]; frames: number[] } }).seen,
  );
  console.log(`${rate} events/s for ${seconds} s; ${typed} keys`);
  console.log(`main thread: ${(((await mainThread(devtools)) - busy) / seconds / 10).toFixed(1)} % of a CPU`);
  console.log(`key to paint (those of 16 ms and more): ${keys.length}, ${quantiles(keys)}`);
  console.log(`frame times: ${quantiles(frames)}; long tasks: ${tasks.length}, ${quantiles(tasks)}`);
  expect((await composer.inputValue()).length).toBe(typed);
  await page.close();
});

async function openAtEnd(roomId: string): Promise<Page> {
  const person = await Person.open(browser, natter.url, "ana");
  const page = await person.signIn();
  await page.goto(`/rooms/${roomId}`);
  await page.getByRole("log").getByRole("article").first().waitFor();
  await page.getByRole("button", { name: /new message|latest/ }).click();
  await page.getByRole("button", { name: /new message|latest/ }).waitFor({ state: "detached" });
  return page;
}

/** Runs in the page: scrolls up as a wheel does, frame by frame. */
async function scrollUp({ frames, step }: { frames: number; step: number }) {
  const log = document.querySelector('[role="log"]');
  const scroller = log?.parentElement;
  if (!log || !scroller) throw new Error("there is no timeline");
  const number = () => Number(/(\d+): /.exec(log.querySelector("article:nth-of-type(1)")?.textContent ?? "")?.[1] ?? 0);
  const first = number();
  const times: number[] = [];
  let rows = 0;
  let last = performance.now();
  for (let i = 0; i < frames; i++) {
    scroller.scrollTop -= step;
    const now = await new Promise<number>((resolve) => requestAnimationFrame(resolve));
    times.push(now - last);
    last = now;
    rows = Math.max(rows, log.querySelectorAll("article").length);
  }
  return { frames: times, rows, passed: first - number() };
}

/** Sends messages over one connection: so many per second, at most 100 unanswered. */
async function pour(from: Account, roomId: string, count: number, perSecond: number): Promise<void> {
  const socket = new WebSocket(`${from.url.replace("http", "ws")}/ws`);
  await new Promise<void>((resolve, reject) => {
    let [sent, answered] = [0, 0];
    let begin = 0;
    const more = () => {
      const due = Math.min(count, perSecond === Infinity ? count : ((performance.now() - begin) / 1000) * perSecond);
      while (sent < due && sent - answered < 100) {
        sent++;
        socket.send(JSON.stringify({ id: sent, send: { roomId, nonce: crypto.randomUUID(), content: text(sent) } }));
      }
    };
    let timer: ReturnType<typeof setInterval>;
    socket.on("error", reject);
    socket.on("close", (code, reason) => reject(new Error(`${code} ${reason}`)));
    socket.on("open", () => socket.send(JSON.stringify({ hello: { token: from.token } })));
    socket.on("message", (data) => {
      for (const line of data.toString().split("\n")) {
        const { id, error, welcome } = JSON.parse(line);
        if (error) return reject(new Error(JSON.stringify(error)));
        if (welcome && !welcome.more) {
          begin = performance.now();
          timer = setInterval(more, 2);
        } else if (id && ++answered === count) {
          clearInterval(timer);
          resolve();
        }
      }
    });
  });
  socket.removeAllListeners("close");
  socket.close();
}

/** MiB of JavaScript, after a collection. */
async function heap(devtools: CDPSession): Promise<string> {
  await devtools.send("HeapProfiler.collectGarbage");
  const { usedSize } = await devtools.send("Runtime.getHeapUsage");
  return (usedSize / 1024 / 1024).toFixed(1);
}

/** Milliseconds of CPU that the page's main thread has used. */
async function mainThread(devtools: CDPSession): Promise<number> {
  await devtools.send("Performance.enable", { timeDomain: "threadTicks" });
  const { metrics } = await devtools.send("Performance.getMetrics");
  return (metrics.find(({ name }) => name === "TaskDuration")?.value ?? 0) * 1000;
}

function quantiles(values: number[]): string {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (q: number) => (sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? 0).toFixed(1);
  return `p50 ${at(0.5)} p95 ${at(0.95)} p99 ${at(0.99)} max ${at(1)} ms`;
}
