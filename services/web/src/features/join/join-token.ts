import { takeToken } from "~/features/sign-in/link-token";

const key = "natter-join";

/** Keeps the token of an invite link for this tab, until whoever follows it has signed in: it must not be in an address that is sent. */
export function keepJoinToken(): void {
  const token = takeToken();
  if (token) sessionStorage.setItem(key, token);
}

export const joinToken = (): string => sessionStorage.getItem(key) ?? "";
export const forgetJoinToken = (): void => sessionStorage.removeItem(key);

/** The link that a token makes. */
export const joinLink = (token: string): string => `${location.origin}/join#${token}`;
