// axe on every page, light and dark, and a phone.
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Account } from "./account";
import { problems, rulesOf } from "./axe";
import { desktop, Person, phone, sees, startBrowser } from "./browser";
import { type Natter, startNatter } from "./natter";

let natter: Natter;
let browser: Browser;
let roomId: string;

beforeAll(async () => {
  [natter, browser] = await Promise.all([startNatter(), startBrowser()]);
  const ana = await Account.register(natter.url, "ana");
  roomId = await ana.createRoom("garden");
  await ana.say(roomId, "hello");
  await ana.say(roomId, "- [x] **this**\n- [ ] `that`, see https://example.org\n\n> said\n\n```ts\nconst x = 1;\n```");
});
afterAll(async () => {
  await browser?.close();
  await natter?.close();
});

test.for(["light", "dark"] as const)("axe finds nothing, %s", async (theme) => {
  const guest = await Person.open(browser, natter.url, "guest", desktop, theme);
  const found: string[] = [];
  for (const [path, button] of [
    ["/sign-in", "Sign in"],
    ["/register", "Create account"],
  ] as const) {
    const page = await guest.tab(path);
    await page.getByRole("button", { name: button }).waitFor();
    found.push(...(await problems(page, rulesOf[theme])));
  }
  await guest.close();

  const ana = await Person.open(browser, natter.url, "ana", desktop, theme);
  const page = await ana.signIn();
  for (const [path, heading] of [
    ["/rooms", "Select a room"],
    [`/rooms/${roomId}`, "garden"],
    ["/rooms/01999999-0000-7000-8000-000000000001", "You are not in this room"],
    ["/rooms/search", "Search"],
    ["/rooms/mentions", "Mentions"],
    ["/rooms/threads", "Threads"],
    ["/saved", "Saved for later"],
    ["/settings", "Settings"],
    ["/administration", "Administration"],
    ["/nowhere", "There is nothing here"],
  ] as const) {
    await page.goto(path);
    await page.getByRole("heading", { name: heading, exact: true }).waitFor();
    found.push(...(await problems(page, rulesOf[theme])));
  }
  await page.goto("/rooms");
  await page.getByRole("button", { name: "Create a room" }).click();
  await page.getByRole("dialog").waitFor();
  found.push(...(await problems(page, rulesOf[theme])));
  expect(found).toEqual([]);
  await ana.close();
});

test("on a phone: the list, a room, and back", async () => {
  const ana = await Person.open(browser, natter.url, "ana", phone);
  const page = await ana.signIn();
  expect(await page.getByRole("main").isVisible()).toBe(false);
  await page.getByRole("link", { name: "garden" }).click();
  await sees(page, "hello");
  expect(await page.getByRole("navigation").isVisible()).toBe(false);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
  expect(wide).toBe(false);
  expect(await problems(page)).toEqual([]);
  await page.getByRole("button", { name: "Back" }).click();
  await page.getByRole("link", { name: "garden" }).waitFor();
  await ana.close();
});
