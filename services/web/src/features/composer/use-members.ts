import { useEffect, useState } from "react";
import { useApp, useClient } from "~/features/app/client-context";
import * as decode from "~/protocol/decode";
import type { MemberJson } from "~/protocol/gen/natter/chat/v1/chat_pb";
import type { RoomId, UserRef } from "~/protocol/types";
import { at } from "~/rest/rest.client";
import { roomEntry } from "~/state/selectors";

const pageSize = 200;
/** Members of a larger room that are offered: those who joined first. The others can still be mentioned, their names have to be typed. */
const most = 1000;

/** Who is in a room. Asked for when it is wanted, and the room's own list does not have everybody. */
export function useMembers(roomId: RoomId, wanted: boolean): readonly UserRef[] {
  const client = useClient();
  const known = useApp((s) => roomEntry(roomId)(s)?.room.members);
  const count = useApp((s) => roomEntry(roomId)(s)?.room.memberCount ?? 0);
  const [listed, setListed] = useState<readonly UserRef[]>();
  const ask = wanted && listed === undefined && (known?.length ?? 0) < count;
  useEffect(() => {
    if (!ask) return;
    const stop = new AbortController();
    const load = async () => {
      const users: UserRef[] = [];
      for (let after = ""; users.length < most; after = users.at(-1)?.id ?? "") {
        const page = await client.rest.get<MemberJson[]>(at`/chat/rooms/${roomId}/members`, { after, limit: pageSize }, stop.signal);
        users.push(...page.map((m) => decode.userRef(m.user)));
        if (page.length < pageSize) break;
      }
      setListed(users);
    };
    // Without them, those that are known are offered.
    load().catch(() => {});
    return () => stop.abort();
  }, [ask, client, roomId]);
  return listed ?? known ?? none;
}

const none: readonly UserRef[] = [];
