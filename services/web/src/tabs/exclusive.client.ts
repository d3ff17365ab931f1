// One tab at a time. Browsers give Web Locks only to pages that came over HTTPS or from this machine; elsewhere each tab is alone, and
// what two of them do twice has to be harmless.
const queues = new Map<string, Promise<unknown>>();

/** Runs act while nobody else runs one of this name. The signal gives up waiting. */
export async function exclusive<T>(name: string, act: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  if (navigator.locks) return navigator.locks.request(name, signal ? { signal } : {}, act);
  const turn = (queues.get(name) ?? Promise.resolve()).then(() => {
    signal?.throwIfAborted();
    return act();
  });
  queues.set(
    name,
    turn.catch(() => {}),
  );
  return turn;
}
