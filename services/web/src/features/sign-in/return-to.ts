// Any place with a host will do to see whether a path stays there.
const here = "https://here.invalid";

/** A path of this client that somebody wanted to go to; anything else could lead people elsewhere. */
export function safePath(path: string | undefined): string {
  if (!path?.startsWith("/") || !URL.canParse(path, here)) return "/rooms";
  const url = new URL(path, here);
  return url.origin === here ? url.pathname + url.search + url.hash : "/rooms";
}
