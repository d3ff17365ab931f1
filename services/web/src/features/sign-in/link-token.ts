/**
 * What stands behind the # of a link from a mail, for this one time: it does not stay in the address, from where it could be copied
 * or seen.
 */
export function takeToken(): string {
  const { hash, pathname, search } = location;
  if (!hash) return "";
  history.replaceState(history.state, "", pathname + search);
  return tokenIn(hash);
}

/** Of #token=… and of a bare #…. */
export const tokenIn = (hash: string): string => {
  const text = hash.replace(/^#/, "");
  return text.startsWith("token=") ? decodeURIComponent(text.slice("token=".length)) : text;
};
