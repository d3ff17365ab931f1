// A real browser: Debian's Chromium. Nothing is downloaded.
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { until } from "./process";

const executablePath = process.env.NATTER_TEST_CHROMIUM ?? "/usr/bin/chromium";
const args = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export const startBrowser = (): Promise<Browser> => chromium.launch({ executablePath, headless: true, args });

export const desktop = { width: 1280, height: 800 };
export const phone = { width: 390, height: 844 };

/** What a person of a test is called; the password is anyone's. */
export const password = "correct horse battery";

/** A person with a browser of their own: cookies, storage, tabs. Errors of the page fail the test that closes it. */
export class Person {
  readonly problems: string[] = [];
  /** What the console may say, because the test wants it to happen. */
  readonly expected: string[] = [];
  private constructor(
    readonly name: string,
    readonly context: BrowserContext,
    readonly url: string,
  ) {}

  static async open(browser: Browser, url: string, name: string, viewport = desktop, theme: "light" | "dark" = "light"): Promise<Person> {
    const context = await browser.newContext({ baseURL: url, viewport, colorScheme: theme, locale: "en-GB", reducedMotion: "reduce" });
    context.setDefaultTimeout(20_000);
    return new Person(name, context, url);
  }

  async tab(path = "/"): Promise<Page> {
    const page = await this.context.newPage();
    page.on("pageerror", (error) => this.problems.push(error.stack ?? error.message));
    page.on("console", (message) => {
      // A status is no error of the page: it asks whether somebody is signed in.
      if (
        message.type() === "error" &&
        !message.text().startsWith("Failed to load resource") &&
        !message.text().includes("WebSocket connection")
      )
        this.problems.push(message.text());
    });
    await page.goto(path);
    return page;
  }

  /** Signs somebody in who has an account; ends at the path. */
  async signIn(path = "/rooms"): Promise<Page> {
    const page = await this.tab(path);
    await page.getByLabel("E-mail address").fill(`${this.name}@example.org`);
    await page.getByLabel("Password").fill(password);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("navigation", { name: "Your rooms" }).waitFor({ state: "attached" });
    return page;
  }

  /** Registers through the page; ends at the rooms. */
  async register(): Promise<Page> {
    const page = await this.tab("/register");
    await page.getByLabel("E-mail address").fill(`${this.name}@example.org`);
    await page.getByLabel("Username").fill(this.name);
    await page.getByLabel("Password").fill(password);
    await page.getByRole("button", { name: "Create account" }).click();
    await page.getByRole("heading", { name: "Select a room" }).waitFor();
    return page;
  }

  async close(): Promise<void> {
    await this.context.close();
    const problems = this.problems.filter((problem) => !this.expected.some((text) => problem.includes(text)));
    if (problems.length > 0) throw new Error(`${this.name}'s browser complained:\n${problems.join("\n")}`);
  }
}

/** Keeps a picture in e2e/screenshots, to look at; two of them stand in the README. */
export const screenshot = (page: Page, name: string) =>
  page.screenshot({ path: new URL(`screenshots/${name}.png`, import.meta.url).pathname, animations: "disabled" });

export async function createRoom(page: Page, name: string): Promise<void> {
  await page.getByRole("button", { name: "Create a room" }).click();
  await page.getByLabel("Name").fill(name);
  await page.getByRole("button", { name: "Create", exact: true }).click();
  await page.getByRole("heading", { name }).waitFor();
}

export async function say(page: Page, text: string): Promise<void> {
  const composer = page.getByRole("textbox", { name: /^Message to/ });
  await composer.fill(text);
  await composer.press("Enter");
}

/** Waits until a message is there exactly once. */
export async function sees(page: Page, text: string): Promise<void> {
  const message = page.getByRole("log").getByText(text, { exact: true });
  await message.waitFor();
  if ((await message.count()) !== 1) throw new Error(`"${text}" is there ${await message.count()} times`);
}

/** Waits until the server has all that was said, in whatever tab: pending messages are shown, too. */
export const settled = (page: Page): Promise<void> =>
  until(
    async () => (await page.getByLabel("Sending…").count()) === 0,
    () => "messages are still being sent",
  );
