import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Account } from "./account";
import { Person, say, sees, startBrowser } from "./browser";
import { type Natter, startNatter } from "./natter";
import { until } from "./process";

let natter: Natter;
let browser: Browser;
let ben: Account;
let garden = "";

beforeAll(async () => {
  [natter, browser] = await Promise.all([startNatter(), startBrowser()]);
  const ana = await Account.register(natter.url, "ana");
  ben = await Account.register(natter.url, "benedict");
  garden = await ana.createRoom("garden", ben);
  await ben.createRoom("kitchen", ana);
});
afterAll(async () => {
  await browser?.close();
  await natter?.close();
});

test("names and emoji are completed, formats wrap, drafts stay, files go out", async () => {
  const ana = await Person.open(browser, natter.url, "ana");
  const page = await ana.signIn(`/rooms/${garden}`);
  const composer = page.getByRole("textbox", { name: "Message to garden" });

  await composer.pressSequentially("hello @ben");
  await page.getByRole("option", { name: "benedict" }).waitFor();
  await composer.press("Enter");
  expect(await composer.inputValue()).toBe("hello @benedict ");
  await composer.pressSequentially(":tad");
  await page.getByRole("option", { name: /:tada:/ }).waitFor();
  await composer.press("Tab");
  await composer.pressSequentially("and :wave:");
  await page.waitForFunction(() => document.querySelector("textarea")?.value.endsWith("👋"));
  expect(await composer.inputValue()).toBe("hello @benedict 🎉 and 👋");
  await composer.press("Control+z");
  expect(await composer.inputValue()).toBe("hello @benedict 🎉 and :wave:");
  await composer.press("Control+Shift+z");
  await composer.press("Enter");
  await sees(page, "hello @benedict 🎉 and 👋");
  const mentioned = async () => (await ben.call("GET", "/chat/mentions"))[0]?.content === "hello @benedict 🎉 and 👋";
  await until(mentioned, () => "nobody was mentioned");

  await composer.fill("plain");
  await composer.press("Control+a");
  await composer.press("Control+b");
  expect(await composer.inputValue()).toBe("**plain**");
  await page.getByRole("link", { name: /kitchen/ }).click();
  expect(await page.getByRole("textbox", { name: "Message to kitchen" }).inputValue()).toBe("");
  await page.reload();
  await page.getByRole("link", { name: /garden/ }).click();
  expect(await composer.inputValue()).toBe("**plain**");
  await composer.fill("");

  await page.locator("input[type=file]").setInputFiles([
    { name: "notes.txt", mimeType: "text/plain", buffer: Buffer.from("tomatoes") },
    { name: "dot.png", mimeType: "image/png", buffer: Buffer.from(dot, "base64") },
  ]);
  const files = page.getByRole("list", { name: "Files to send" });
  await files.getByText("8 bytes").waitFor();
  await files.getByText("70 bytes").waitFor();
  await page.getByRole("button", { name: "Remove notes.txt" }).click();
  await say(page, "a dot");
  await sees(page, "a dot");
  await files.waitFor({ state: "detached" });
  const newest = async () => (await ben.call("GET", `/chat/rooms/${garden}/messages?limit=1`))[0];
  await until(
    async () => (await newest()).content === "a dot",
    () => "the dot did not arrive",
  );
  expect(await newest()).toMatchObject({ content: "a dot", type: "image", file: { name: "dot.png", width: 1 } });
  await ana.close();
});

test("who may not write is told why", async () => {
  const room = (await ben.call("POST", "/chat/rooms", { name: "news", isAnnouncement: true })).id;
  const ana = await Person.open(browser, natter.url, "ana");
  const page = await ana.signIn();
  const { id } = (await ben.call("GET", `/chat/rooms/${garden}/members`))[0].user;
  await ben.call("POST", `/chat/rooms/${room}/members`, { userId: id });
  await page.getByRole("link", { name: /news/ }).click();
  await page.getByText("Only moderators write in this room").waitFor();
  await ben.call("PATCH", `/chat/rooms/${room}`, { isAnnouncement: false, slowModeSeconds: 60 });
  await say(page, "thank you");
  await page.getByText(/Slow mode: wait \d+ seconds/).waitFor();
  await ana.close();
});

/** A picture of one pixel. */
const dot = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
