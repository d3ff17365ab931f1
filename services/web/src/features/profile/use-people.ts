import { useEffect, useState } from "react";
import { useClient } from "~/features/app/client-context";
import * as decode from "~/protocol/decode";
import type { ListPeopleResponseJson } from "~/protocol/gen/natter/auth/v1/names_pb";
import type { UserRef } from "~/protocol/types";

/** Milliseconds without another letter until the server is asked. */
const pause = 150;

/** People of this server whose names begin with what was typed; undefined: nothing was, or there is no answer yet. */
export function usePeople(text: string): readonly UserRef[] | undefined {
  const client = useClient();
  const [people, setPeople] = useState<readonly UserRef[]>();
  const query = text.trim();
  useEffect(() => {
    setPeople(undefined);
    if (!query) return;
    const ended = new AbortController();
    const timer = setTimeout(() => {
      client.rest
        .get<ListPeopleResponseJson>("/auth/users", { query, limit: 20 }, ended.signal)
        .then((answer) => setPeople((answer.users ?? []).map(decode.userRef)))
        .catch((error) => !ended.signal.aborted && client.fail(error));
    }, pause);
    return () => {
      clearTimeout(timer);
      ended.abort();
    };
  }, [client, query]);
  return people;
}
