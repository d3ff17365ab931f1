// Accounts: two-step verification, a forgotten password, an invite link.
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Account } from "./account";
import { accessible } from "./axe";
import { Person, password, startBrowser } from "./browser";
import { type Natter, startNatter } from "./natter";
import { codeOf } from "./totp";

let natter: Natter;
let browser: Browser;

beforeAll(async () => {
  [natter, browser] = await Promise.all([startNatter(), startBrowser()]);
});
afterAll(async () => {
  await browser?.close();
  await natter?.close();
});

async function fillPassword(page: Page, name: string, secret = password): Promise<void> {
  await page.getByLabel("E-mail address").fill(`${name}@example.org`);
  await page.getByLabel("Password").fill(secret);
  await page.getByRole("button", { name: "Sign in" }).click();
}

test("two-step verification: set up, signed in with a code and with a recovery code, turned off", async () => {
  const ana = await Person.open(browser, natter.url, "ana");
  const page = await ana.register();
  await page.goto("/settings/security");
  await page.getByRole("button", { name: "Set it up" }).click();
  await page.getByRole("dialog").getByLabel("Current password").fill(password);
  await page.getByRole("button", { name: "Continue" }).click();
  await page.getByRole("img", { name: "QR code with the secret" }).waitFor();
  await accessible(page);
  const secret = (await page.getByRole("dialog").locator("code").textContent()) ?? "";
  const now = Date.now();
  await page.getByLabel("Code of the app").fill(codeOf(secret, now));
  await page.getByRole("button", { name: "Turn on" }).click();
  const list = page.getByRole("dialog", { name: "Your recovery codes" }).getByRole("listitem");
  await list.first().waitFor();
  const codes = await list.allTextContents();
  expect(codes).toHaveLength(10);
  await page.getByRole("button", { name: "I have kept them" }).click();
  await page.getByRole("region", { name: "Two-step verification" }).getByText("On", { exact: true }).waitFor();

  const second = await Person.open(browser, natter.url, "ana");
  const elsewhere = await second.tab("/settings/sessions");
  await fillPassword(elsewhere, "ana");
  await elsewhere.getByLabel("Code", { exact: true }).fill("000000");
  await elsewhere.getByRole("button", { name: "Sign in", exact: true }).click();
  await elsewhere.getByText("this code is wrong").waitFor();
  await accessible(elsewhere);
  await elsewhere.getByLabel("Code", { exact: true }).fill(codeOf(secret, now + 30_000));
  await elsewhere.getByRole("button", { name: "Sign in", exact: true }).click();
  // Where they wanted to go; and there the other session can be ended.
  await elsewhere.getByRole("heading", { name: "Sessions" }).first().waitFor();
  await elsewhere.getByRole("button", { name: "End all others" }).click();
  await page.getByRole("heading", { name: "Sign in to Natter" }).waitFor();

  await fillPassword(page, "ana");
  await page.getByRole("button", { name: "Use a recovery code" }).click();
  await page.getByLabel("Recovery code").fill(codes[0] ?? "");
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await page.getByRole("heading", { name: "Select a room" }).waitFor();
  await page.goto("/settings/security");
  await page.getByRole("button", { name: "Turn off" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Current password").fill(password);
  await dialog.getByLabel("Code of the app, or a recovery code").fill(codes[1] ?? "");
  await dialog.getByRole("button", { name: "Turn off" }).click();
  await page.getByRole("button", { name: "Set it up" }).waitFor();
  await second.close();
  await ana.close();
});

test("a forgotten password is replaced by the link of a mail", async () => {
  await Account.register(natter.url, "ben");
  const ben = await Person.open(browser, natter.url, "ben");
  const page = await ben.tab("/sign-in");
  await page.getByRole("link", { name: "Forgot your password?" }).click();
  await page.getByLabel("E-mail address").fill("ben@example.org");
  await page.getByRole("button", { name: "Send the link" }).click();
  await page.getByText("If there is an account with this address").waitFor();
  const link = await natter.program.logged(/\/reset-password#token=[A-Z2-7]+/);
  await page.goto(link);
  await page.getByLabel("New password").fill("another horse battery");
  expect(page.url()).not.toContain("token");
  await accessible(page);
  await page.getByRole("button", { name: "Set password" }).click();
  await page.getByRole("link", { name: "Sign in" }).click();
  await fillPassword(page, "ben");
  await page.getByText("wrong").waitFor();
  await fillPassword(page, "ben", "another horse battery");
  await page.getByRole("heading", { name: "Select a room" }).waitFor();
  await ben.close();
});

test("an invite link leads through signing in to the room; its token is in no address", async () => {
  const owner = await Account.register(natter.url, "cyd");
  await Account.register(natter.url, "dan");
  const roomId = await owner.createRoom("cellar");
  await owner.call("PATCH", `/chat/rooms/${roomId}`, { isPrivate: true });
  const { token } = await owner.call("POST", `/chat/rooms/${roomId}/links`, {});
  const dan = await Person.open(browser, natter.url, "dan");
  const page = await dan.tab(`/join#${token}`);
  await page.getByRole("heading", { name: "Sign in to Natter" }).waitFor();
  expect(page.url()).not.toContain(token);
  await fillPassword(page, "dan");
  await page.getByRole("heading", { name: "cellar" }).waitFor();
  await accessible(page);
  await page.getByRole("button", { name: "Join" }).click();
  await page.getByRole("textbox", { name: "Message to cellar" }).waitFor();
  await dan.close();
});
