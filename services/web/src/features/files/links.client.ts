// Links to uploaded files that need no sign-in: asked for together, and kept while they are good.
import { useEffect, useState } from "react";
import type { Client } from "~/client.client";
import { useClient } from "~/features/app/client-context";
import type { FileLinkJson } from "~/protocol/gen/natter/message_store/v1/files_pb";

export interface FileLink {
  url: string;
  /** Of a smaller picture; empty: there is none. */
  thumbnailUrl: string;
  /** Unix time in milliseconds. */
  expiresAt: number;
}

/** Files that one request may ask for. */
const maxFiles = 100;
/** How long files gather before they are asked for, and how long a link must still be good, in milliseconds. */
const gathering = 15;
const reserve = 30_000;

class Links {
  #client: Client;
  #known = new Map<string, FileLink>();
  #wanted = new Map<string, ((link: FileLink | undefined) => void)[]>();

  constructor(client: Client) {
    this.#client = client;
  }

  known(id: string): FileLink | undefined {
    const link = this.#known.get(id);
    return link && link.expiresAt > Date.now() + reserve ? link : undefined;
  }

  /** undefined: there is no such file any more, or it is not for this user. Fails when the server cannot be asked. */
  get(id: string): Promise<FileLink | undefined> {
    const known = this.known(id);
    if (known) return Promise.resolve(known);
    return new Promise((resolve) => {
      if (this.#wanted.size === 0) setTimeout(() => void this.#ask(), gathering);
      this.#wanted.set(id, [...(this.#wanted.get(id) ?? []), resolve]);
    });
  }

  async #ask(): Promise<void> {
    const asked = [...this.#wanted].slice(0, maxFiles);
    for (const [id] of asked) this.#wanted.delete(id);
    if (this.#wanted.size > 0) setTimeout(() => void this.#ask(), gathering);
    try {
      const links = await this.#client.rest.post<FileLinkJson[]>("/files/links", { fileIds: asked.map(([id]) => id) });
      for (const { fileId = "", url = "", thumbnailUrl = "", expiresAt = "" } of links)
        this.#known.set(fileId, { url, thumbnailUrl, expiresAt: Date.parse(expiresAt) });
    } catch {
      // Whoever wants it sees that it is not there, and asks again when they are shown again.
    }
    for (const [id, waiting] of asked) for (const resolve of waiting) resolve(this.#known.get(id));
  }
}

const links = new WeakMap<Client, Links>();

function linksOf(client: Client): Links {
  let its = links.get(client);
  if (!its) {
    its = new Links(client);
    links.set(client, its);
  }
  return its;
}

/** The link to a file; undefined: not known yet, "none": there is none. */
export function useFileLink(fileId: string): FileLink | "none" | undefined {
  const client = useClient();
  const [link, setLink] = useState<FileLink | "none" | undefined>(() => linksOf(client).known(fileId));
  useEffect(() => {
    let gone = false;
    void linksOf(client)
      .get(fileId)
      .then((found) => {
        if (!gone) setLink(found ?? "none");
      });
    return () => {
      gone = true;
    };
  }, [client, fileId]);
  return link;
}
