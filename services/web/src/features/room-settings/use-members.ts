import { useEffect, useState } from "react";
import { useApp, useClient } from "~/features/app/client-context";
import { type Fault, toFault } from "~/protocol/fault";
import type { MemberJson } from "~/protocol/gen/natter/chat/v1/chat_pb";
import type { RoomId, Seq } from "~/protocol/types";
import { at } from "~/rest/rest.client";
import { roomEntry } from "~/state/selectors";
import { withEvent } from "./members";

const limit = 200;

/** All members of a room, page by page, and then as they come, go and change. */
export function useMembers(roomId: RoomId): { members: readonly MemberJson[]; complete: boolean; fault?: Fault } {
  const client = useClient();
  const [state, setState] = useState<{ members: readonly MemberJson[]; complete: boolean; fault?: Fault; seq: Seq }>({
    members: [],
    complete: false,
    seq: 0,
  });
  useEffect(() => {
    const ended = new AbortController();
    const load = async () => {
      // Events after this one are taken in on top, those that the pages have in them already change nothing.
      const seq = roomEntry(roomId)(client.store.getState())?.seq ?? 0;
      let members: MemberJson[] = [];
      for (let complete = false; !complete && !ended.signal.aborted; ) {
        const after = members.at(-1)?.user?.id;
        const page = await client.rest.get<MemberJson[]>(at`/chat/rooms/${roomId}/members`, { after, limit }, ended.signal);
        members = [...members, ...page];
        complete = page.length < limit;
        if (!ended.signal.aborted) setState({ members, complete, seq });
      }
    };
    load().catch((error) => !ended.signal.aborted && setState((s) => ({ ...s, fault: toFault(error) })));
    return () => ended.abort();
  }, [client, roomId]);
  const recent = useApp((s) => roomEntry(roomId)(s)?.recent);
  useEffect(() => {
    setState((s) => {
      const news = (recent ?? []).filter(({ seq }) => seq > s.seq);
      if (!s.complete || news.length === 0) return s;
      return { ...s, members: news.reduce(withEvent, s.members), seq: news.at(-1)?.seq ?? s.seq };
    });
  }, [recent]);
  return state;
}
