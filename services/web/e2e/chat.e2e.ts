import type { Browser } from "playwright-core";
import { afterAll, beforeAll, test } from "vitest";
import { createRoom, Person, say, sees, settled, startBrowser } from "./browser";
import { type Natter, startNatter } from "./natter";

let natter: Natter;
let browser: Browser;

beforeAll(async () => {
  [natter, browser] = await Promise.all([startNatter(), startBrowser()]);
});
afterAll(async () => {
  await browser?.close();
  await natter?.close();
});

test("register, create a room, chat between two tabs", async () => {
  const ana = await Person.open(browser, natter.url, "ana");
  const first = await ana.register();
  await createRoom(first, "Garden");
  await say(first, "is anybody here?");
  await sees(first, "is anybody here?");

  const second = await ana.tab(new URL(first.url()).pathname);
  await sees(second, "is anybody here?");
  await say(second, "only me");
  await sees(first, "only me");
  await sees(second, "only me");
  await settled(first);
  await ana.close();
});
