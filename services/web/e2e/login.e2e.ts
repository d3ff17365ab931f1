// Tabs share one login.
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Account } from "./account";
import { desktop, Person, password, startBrowser } from "./browser";
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

test("a wrong password is said; where one wanted to go is remembered", async () => {
  await Account.register(natter.url, "ana");
  const ana = await Person.open(browser, natter.url, "ana");
  const page = await ana.tab("/settings");
  await page.getByLabel("E-mail address").fill("ana@example.org");
  await page.getByLabel("Password").fill("not this one");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("alert").waitFor();
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("heading", { name: "Settings" }).waitFor();
  await ana.close();
});

test("a second tab is signed in; signing out of one signs out of both", async () => {
  await Account.register(natter.url, "ben");
  const ben = await Person.open(browser, natter.url, "ben");
  const first = await ben.signIn();
  const second = await ben.tab("/rooms");
  await second.getByRole("heading", { name: "Select a room" }).waitFor();
  await first.getByRole("button", { name: "Your account: ben" }).click();
  await first.getByRole("menuitem", { name: "Sign out" }).click();
  for (const page of [first, second]) await page.getByRole("button", { name: "Sign in" }).waitFor();
  await second.goto("/rooms");
  await second.getByRole("button", { name: "Sign in" }).waitFor();
  await ben.close();
});

test("signing in in one tab is enough for the other", async () => {
  await Account.register(natter.url, "cyd");
  const cyd = await Person.open(browser, natter.url, "cyd", desktop);
  const waiting = await cyd.tab("/sign-in");
  await cyd.signIn();
  await waiting.goto("/rooms");
  await waiting.getByRole("heading", { name: "Select a room" }).waitFor();
  await cyd.close();
});

test("no token is kept where scripts of another visit could find it", async () => {
  await Account.register(natter.url, "dan");
  const dan = await Person.open(browser, natter.url, "dan");
  const page = await dan.signIn();
  const kept = await page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }) + document.cookie);
  expect(kept).not.toMatch(/eyJ|token/);
  await dan.close();
});
