// Who is signed in. The access token lives in memory only; the refresh token is in a cookie that no script can read. Tabs share one login:
// one of them refreshes at a time, and tells the others.

import * as decode from "~/protocol/decode";
import { Fault } from "~/protocol/fault";
import type { SignedInJson } from "~/protocol/gen/natter/auth/v1/auth_pb";
import type { User } from "~/protocol/types";
import { Rest, type TokenSource } from "~/rest/rest.client";
import { exclusive } from "~/tabs/exclusive.client";

/** An access token and when it ends, in milliseconds of this tab's monotonic clock. */
interface Access {
  token: string;
  user: User;
  ends: number;
}

type TabMessage = { kind: "token"; token: string; user: User } | { kind: "signedOut" };

/** A token that ends sooner than this is not used any more, in milliseconds. */
const margin = 30_000;

export class Auth implements TokenSource {
  #rest = new Rest();
  #access: Access | undefined;
  #tabs = new BroadcastChannel("natter-auth");
  #listeners = new Set<(user: User | undefined) => void>();

  constructor() {
    this.#tabs.onmessage = ({ data }: MessageEvent<TabMessage>) => {
      if (data.kind === "signedOut") this.#set(undefined);
      else this.#set({ token: data.token, user: data.user, ends: endOf(data.token) });
    };
  }

  /** Stops listening to other tabs. */
  close(): void {
    this.#tabs.close();
  }

  get user(): User | undefined {
    return this.#access?.user;
  }

  /** What the user is on this server: owner, admin or member. The server decides what that allows. */
  get role(): string {
    return this.#access ? String(claimsOf(this.#access.token).roles?.[0] ?? "member") : "";
  }

  /** Calls with the user whenever another one, or nobody, is signed in; returns how to stop. */
  subscribe(listener: (user: User | undefined) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Who the cookie belongs to; undefined: nobody. Fails when the server cannot be reached. */
  async restore(): Promise<User | undefined> {
    try {
      await this.token(false);
    } catch (error) {
      if (!(error instanceof Fault) || error.code !== "unauthenticated") throw error;
    }
    return this.user;
  }

  async register(form: { email: string; username: string; password: string; invitation?: string }): Promise<User> {
    return this.#signedIn(await this.#rest.post<SignedInJson>("/auth/register", form));
  }

  /** Fails with second_factor_required when the password is right and a code is missing. */
  async signIn(form: { email: string; password: string; code?: string }): Promise<User> {
    return this.#signedIn(await this.#rest.post<SignedInJson>("/auth/login", form));
  }

  /** Ends the session, for all tabs; everywhere: all sessions of the user. */
  async signOut(everywhere = false): Promise<void> {
    await this.#rest.post("/auth/logout", { everywhere });
    this.forget();
  }

  /** What signOut does here when the session has ended at the server already. */
  forget(): void {
    this.#set(undefined);
    this.#tabs.postMessage({ kind: "signedOut" } satisfies TabMessage);
  }

  async token(fresh: boolean): Promise<string> {
    const stale = this.#access;
    if (!fresh && stale && stale.ends - performance.now() > margin) return stale.token;
    return exclusive("natter-refresh", async () => {
      // Another tab, or another caller, may have done it while we waited.
      const access = this.#access;
      if (access && access !== stale && access.ends - performance.now() > margin) return access.token;
      try {
        return this.#accept(await this.#rest.post<SignedInJson>("/auth/refresh")).token;
      } catch (error) {
        if (error instanceof Fault && error.code === "unauthenticated") this.#set(undefined);
        throw error;
      }
    });
  }

  #signedIn(json: SignedInJson): User {
    if (!json.access_token) throw new Fault("email_not_verified", "");
    return this.#accept(json).user;
  }

  #accept(json: SignedInJson): Access {
    const token = json.access_token ?? "";
    const access = { token, user: decode.user(json.user), ends: endOf(token) };
    this.#set(access);
    this.#tabs.postMessage({ kind: "token", token, user: access.user } satisfies TabMessage);
    return access;
  }

  #set(access: Access | undefined): void {
    const changed = this.#access?.user.id !== access?.user.id;
    this.#access = access;
    if (changed) for (const listener of this.#listeners) listener(access?.user);
  }
}

/** When a token that has just come ends. Its own times are the server's, whose clock may be another: only how long it lives counts. */
function endOf(token: string): number {
  const { exp, iat } = claimsOf(token);
  return performance.now() + (exp && iat ? (exp - iat) * 1000 : 60_000);
}

function claimsOf(token: string): { exp?: number; iat?: number; roles?: string[] } {
  try {
    return JSON.parse(atob((token.split(".")[1] ?? "").replaceAll("-", "+").replaceAll("_", "/")));
  } catch {
    return {};
  }
}
