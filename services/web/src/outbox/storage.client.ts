// Where unsent messages survive a reload: IndexedDB, shared by all tabs. Without it (private windows of some browsers) memory has to do.
import type { RoomId, Seq, UserId } from "~/protocol/types";

/** A message that the server may not have yet. Its nonce stays the same however often it is sent. */
export interface Unsent {
  nonce: string;
  userId: UserId;
  roomId: RoomId;
  content: string;
  type: "text" | "image" | "file";
  fileUrl: string;
  replyTo: Seq;
  thread: Seq;
  /** Milliseconds since 1970, by this device. */
  createdAt: number;
  /** Why the server will not take it; empty: it will be sent. */
  failure: string;
}

export interface Storage {
  /** In the order they were written. */
  all(userId: UserId): Promise<Unsent[]>;
  put(item: Unsent): Promise<void>;
  delete(nonce: string): Promise<void>;
}

const store = "unsent";

export async function openStorage(): Promise<Storage> {
  try {
    return inDatabase(await openDatabase());
  } catch {
    return inMemory();
  }
}

function openDatabase(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open("natter", 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore(store, { keyPath: "nonce" });
    opening.onsuccess = () => resolve(opening.result);
    opening.onerror = () => reject(opening.error);
  });
}

function inDatabase(db: IDBDatabase): Storage {
  const run = <T>(mode: IDBTransactionMode, act: (objects: IDBObjectStore) => IDBRequest<T>): Promise<T> =>
    new Promise((resolve, reject) => {
      const transaction = db.transaction(store, mode);
      const request = act(transaction.objectStore(store));
      transaction.oncomplete = () => resolve(request.result);
      transaction.onabort = () => reject(transaction.error);
    });
  return {
    all: async (userId) => {
      const items = await run<Unsent[]>("readonly", (objects) => objects.getAll());
      return items.filter((item) => item.userId === userId).sort((a, b) => a.createdAt - b.createdAt);
    },
    put: async (item) => void (await run("readwrite", (objects) => objects.put(item))),
    delete: async (nonce) => void (await run("readwrite", (objects) => objects.delete(nonce))),
  };
}

export function inMemory(): Storage {
  const items = new Map<string, Unsent>();
  return {
    all: async (userId) => [...items.values()].filter((item) => item.userId === userId),
    put: async (item) => void items.set(item.nonce, item),
    delete: async (nonce) => void items.delete(nonce),
  };
}
