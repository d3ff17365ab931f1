import type { Browser } from "playwright-core";
import { afterAll, beforeAll, test } from "vitest";
import { Account } from "./account";
import { createRoom, Person, password, phone, say, sees, settled, startBrowser } from "./browser";
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

test("a room that one is added to appears, with what is unread in it; two browsers chat", async () => {
  const [bea, cyd] = [await Person.open(browser, natter.url, "bea"), await Person.open(browser, natter.url, "cyd", phone)];
  const [hers, his] = [await bea.register(), await cyd.tab("/register")];
  await his.getByLabel("E-mail address").fill("cyd@example.org");
  await his.getByLabel("Username").fill("cyd");
  await his.getByLabel("Password").fill(password);
  await his.getByRole("button", { name: "Create account" }).click();
  await his.getByText("No rooms yet").waitFor();

  await createRoom(hers, "Kitchen");
  const roomId = new URL(hers.url()).pathname.split("/").at(-1) ?? "";
  const [host, guest] = [await Account.signIn(natter.url, "bea"), await Account.signIn(natter.url, "cyd")];
  await host.call("POST", `/chat/rooms/${roomId}/members`, { userId: guest.id });
  await say(hers, "welcome");
  await his.getByRole("link", { name: /Kitchen.*1 unread message/ }).click();
  await sees(his, "welcome");
  await say(his, "thanks!");
  await sees(hers, "thanks!");
  await his.getByRole("button", { name: "Back" }).click();
  await his.getByRole("link", { name: /^Kitchen$/ }).waitFor();
  await bea.close();
  await cyd.close();
});
