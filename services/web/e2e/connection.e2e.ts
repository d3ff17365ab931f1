// What happens to what people write when the connection, the page or a gateway goes away.
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Account } from "./account";
import { Person, say, sees, settled, startBrowser } from "./browser";
import { type Cluster, type Natter, startCluster, startNatter } from "./natter";

let browser: Browser;
beforeAll(async () => {
  browser = await startBrowser();
});
afterAll(() => browser?.close());

/** Ana in a browser, in a room with Ben, who has none. */
async function anaAndBen(url: string, suffix: string) {
  const [ana, ben] = await Promise.all([Account.register(url, `ana${suffix}`), Account.register(url, `ben${suffix}`)]);
  const roomId = await ana.createRoom("garden", ben);
  const person = await Person.open(browser, url, ana.name);
  const page = await person.signIn(`/rooms/${roomId}`);
  await page.getByRole("textbox", { name: /^Message to/ }).waitFor();
  return { ana, ben, roomId, person, page };
}

/** What was said in a room, oldest first, as the server has it. */
const saidIn = async (account: Account, roomId: string): Promise<string[]> =>
  (await account.call("GET", `/chat/rooms/${roomId}/messages`)).map((m: { content: string }) => m.content).reverse();

const order = (page: Page): Promise<string[]> => page.getByRole("log").getByRole("article").locator("p").allInnerTexts();

test("offline, people write on; back, everything is there once and in order", async () => {
  const natter = await startNatter();
  const { ben, roomId, person, page } = await anaAndBen(natter.url, "1");
  await say(page, "before");
  await sees(page, "before");
  await settled(page);
  await natter.program.stop();
  await person.context.setOffline(true);
  await say(page, "one");
  await say(page, "two");
  await expect.poll(() => page.getByLabel("Sending…").count()).toBe(2);
  await page.getByText("You are offline.", { exact: false }).waitFor();
  await natter.program.start();
  await ben.say(roomId, "meanwhile");
  await person.context.setOffline(false);
  for (const text of ["before", "meanwhile", "one", "two"]) await sees(page, text);
  await settled(page);
  expect(await saidIn(ben, roomId)).toEqual(["before", "meanwhile", "one", "two"]);
  expect(await order(page)).toEqual(["before", "meanwhile", "one", "two"]);
  await page.getByText("You are offline.", { exact: false }).waitFor({ state: "detached" });
  await person.close();
  await natter.close();
});

test("a message whose acknowledgement is lost is one message after a reload", async () => {
  const natter = await startNatter();
  const { ben, roomId, person, page } = await anaAndBen(natter.url, "2");
  let deaf = true;
  const sent: string[] = [];
  // From now on, this page hears no acknowledgement, and no event.
  await page.routeWebSocket("**/ws", (client) => {
    const server = client.connectToServer();
    client.onMessage((message) => {
      const nonce = /"send":.*"nonce":"([^"]*)"/.exec(String(message))?.[1];
      if (nonce) sent.push(nonce);
      server.send(message);
    });
    server.onMessage((message) => {
      if (!deaf || !/"(ack|event)":/.test(String(message))) client.send(message);
    });
  });
  await page.reload();
  await say(page, "only once");
  await page.getByLabel("Sending…").waitFor();
  await expect.poll(() => saidIn(ben, roomId)).toEqual(["only once"]);
  deaf = false;
  await page.reload();
  await sees(page, "only once");
  await settled(page);
  // Maybe not again: when the message itself comes first, that says the same as an acknowledgement.
  expect(new Set(sent).size).toBe(1);
  await say(page, "and this");
  await sees(page, "and this");
  await settled(page);
  expect(await saidIn(ben, roomId)).toEqual(["only once", "and this"]);
  await person.close();
  await natter.close();
});

test("a gateway is killed: the page resumes on another without loss", async () => {
  const cluster: Cluster = await startCluster();
  const { ben, roomId, person, page } = await anaAndBen(cluster.url, "3");
  await ben.say(roomId, "before");
  await sees(page, "before");
  expect(cluster.inUse()).toContain(0);
  await cluster.gateways[0]?.stop();
  await ben.say(roomId, "while nobody listened");
  await say(page, "still here");
  await ben.say(roomId, "after");
  for (const text of ["before", "while nobody listened", "still here", "after"]) await sees(page, text);
  await settled(page);
  expect(cluster.inUse()).toContain(1);
  expect((await order(page)).sort()).toEqual((await saidIn(ben, roomId)).sort());
  await person.close();
  await cluster.close();
});

test("a gateway that drains sends the page to another before it goes", async () => {
  const natter: Natter = await startNatter();
  const { ben, roomId, person, page } = await anaAndBen(natter.url, "4");
  await ben.say(roomId, "before");
  await sees(page, "before");
  await natter.program.stop("SIGTERM");
  await natter.program.start();
  await ben.say(roomId, "after");
  await sees(page, "after");
  await person.close();
  await natter.close();
});

test("it starts without a server, and goes on when there is one", async () => {
  const natter = await startNatter();
  const { roomId, person, page } = await anaAndBen(natter.url, "5");
  person.expected.push("The server cannot be reached.");
  await page.evaluate(() => navigator.serviceWorker.ready);
  await page.reload(); // through the service worker: now it has all that this page needs
  await page.getByRole("textbox", { name: /^Message to/ }).waitFor();
  await natter.program.stop();
  await page.reload();
  await page.getByRole("heading", { name: "The server cannot be reached" }).waitFor();
  await natter.program.start();
  await page.getByRole("textbox", { name: /^Message to/ }).waitFor({ timeout: 20_000 });
  expect(new URL(page.url()).pathname).toBe(`/rooms/${roomId}`);
  await person.close();
  await natter.close();
});
