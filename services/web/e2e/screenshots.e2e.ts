// Pictures of the main pages, light and dark, on a desktop and a phone.
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, test } from "vitest";
import { Account } from "./account";
import { desktop, Person, phone, screenshot, sees, startBrowser } from "./browser";
import { type Natter, startNatter } from "./natter";

let natter: Natter;
let browser: Browser;
let garden = "";
let thread = 0;

beforeAll(async () => {
  [natter, browser] = await Promise.all([startNatter(), startBrowser()]);
  // The first is the owner of the server.
  const ana = await Account.register(natter.url, "ana");
  const [ben, cyd] = await Promise.all([Account.register(natter.url, "ben"), Account.register(natter.url, "cyd")]);
  garden = await ana.createRoom("garden", ben, cyd);
  await ana.createRoom("kitchen", ben);
  const travel = await ben.createRoom("travel", ana, cyd);
  await ben.say(travel, "@ana the train leaves at nine");
  await ana.say(garden, "Good morning! Who waters the tomatoes this week?");
  await ben.say(garden, "I can, until Thursday.");
  await cyd.say(garden, "And I take the weekend 🍅");
  await ana.say(
    garden,
    "Perfect. The key hangs behind the door of the shed, next to the gloves. Please close the tap firmly, it drips otherwise.",
  );
  const plan = await ben.say(
    garden,
    "Here is what I have in mind for **spring**, @ana:\n\n- [x] compost into the *three raised beds*\n- [ ] beans along the fence, see https://example.org/beans\n- [ ] a new lock for the shed\n\nand the tap opens by itself now:",
  );
  await ben.say(
    garden,
    "```python\ndef water(bed: Bed) -> None:\n    # never at noon\n    if bed.moisture < 0.3 and not 11 <= now().hour <= 15:\n        tap.open(minutes=4)\n```",
  );
  for (const [who, emoji] of [
    [ana, "🌱"],
    [cyd, "🌱"],
    [cyd, "👏"],
  ] as const)
    await who.request({ react: { roomId: garden, seq: plan, emoji, nonce: crypto.randomUUID() } });
  await cyd.say(garden, "Which kind of beans?", { thread: plan });
  await ben.say(garden, "Borlotti, they climb **anything**.", { thread: plan });
  await cyd.say(garden, "I bring the lock.", { replyTo: plan });
  await ana.say(garden, "🎉🎉");
  thread = plan;
});
afterAll(async () => {
  await browser?.close();
  await natter?.close();
});

test.for([
  ["desktop", "light"],
  ["desktop", "dark"],
  ["phone", "light"],
  ["phone", "dark"],
] as const)("%s, %s", async ([device, theme]) => {
  const ana = await Person.open(browser, natter.url, "ana", device === "phone" ? phone : desktop, theme);
  const page = await ana.tab("/sign-in");
  await page.getByRole("button", { name: "Sign in" }).waitFor();
  await screenshot(page, `sign-in-${device}-${theme}`);
  await page.close();
  const rooms = await ana.signIn();
  await rooms.getByRole("link", { name: /garden/ }).waitFor();
  await screenshot(rooms, `rooms-${device}-${theme}`);
  await rooms.getByRole("link", { name: /garden/ }).click();
  await sees(rooms, "I can, until Thursday.");
  await screenshot(rooms, `room-${device}-${theme}`);
  if (process.env.NATTER_TEST_HEAVY) await pictures(rooms, `${device}-${theme}`);
  await rooms.goto(`/rooms/${garden}?thread=${thread}`);
  await rooms.getByRole("complementary").getByText("Which kind of beans?").waitFor();
  await screenshot(rooms, `thread-${device}-${theme}`);
  await rooms.goto("/settings");
  await rooms.getByRole("heading", { name: "Settings" }).waitFor();
  await screenshot(rooms, `settings-${device}-${theme}`);
  for (const [name, path] of [
    ["profile", "/settings/profile"],
    ["security", "/settings/security"],
    ["notifications", "/settings/notifications"],
    ["room-settings", `/rooms/${garden}/settings/general`],
    ["members", `/rooms/${garden}/settings/members`],
    ["invitations", `/rooms/${garden}/settings/invitations`],
    ["administration", "/administration/users"],
    ["audit", "/administration/audit"],
  ] as const) {
    await rooms.goto(path);
    await rooms.getByRole("heading", { level: 1 }).first().waitFor({ state: "attached" });
    await rooms.getByText("Loading…").waitFor({ state: "detached" });
    await screenshot(rooms, `${name}-${device}-${theme}`);
  }
  await ana.close();
});

/** What is open for a moment only, and the search. They take a while: only with NATTER_TEST_HEAVY=1. */
async function pictures(page: Page, suffix: string): Promise<void> {
  const composer = page.getByRole("textbox", { name: "Message to garden" });
  await page.locator("input[type=file]").setInputFiles([
    { name: "harvest plan.pdf", mimeType: "application/pdf", buffer: Buffer.from("plan".repeat(90_000)) },
    { name: "shed.svg", mimeType: "image/svg+xml", buffer: Buffer.from("<svg/>") },
  ]);
  await page.getByText("360 kB").waitFor();
  await composer.pressSequentially("Thank you @");
  await page.getByRole("option", { name: "ben" }).waitFor();
  await screenshot(page, `composer-${suffix}`);
  await composer.fill("");
  for (const name of ["harvest plan.pdf", "shed.svg"]) await page.getByRole("button", { name: `Remove ${name}` }).click();
  await page.getByRole("button", { name: "Emoji", exact: true }).click();
  await page.getByRole("dialog").getByText("Smileys & emotion").waitFor();
  await screenshot(page, `emoji-${suffix}`);
  await page.keyboard.press("Escape");
  await page.keyboard.press("Control+k");
  await page.getByRole("combobox", { name: "Room or person" }).waitFor();
  await screenshot(page, `switcher-${suffix}`);
  await page.keyboard.press("Escape");
  await page.keyboard.press("Control+/");
  await page.getByRole("dialog", { name: "Keyboard shortcuts" }).waitFor();
  await screenshot(page, `keys-${suffix}`);
  await page.goto("/rooms/search?q=the%20in:garden");
  await page.getByRole("link", { name: /Perfect/ }).waitFor();
  await screenshot(page, `search-${suffix}`);
  await page.goto("/rooms");
  await page.getByRole("button", { name: "Browse rooms" }).click();
  await page.getByRole("button", { name: "Open garden" }).waitFor();
  await screenshot(page, `browse-${suffix}`);
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "New message" }).click();
  await page.getByRole("option", { name: "ben" }).click();
  await screenshot(page, `new-message-${suffix}`);
  await page.keyboard.press("Escape");
}
