import type { RoomId } from "~/protocol/types";
import { InviteLinks } from "./InviteLinks";
import { InvitePeople } from "./InvitePeople";

/** The ways of getting people into a room: asking them, or a link. */
export default function InvitationsSection({ roomId }: { roomId: RoomId }) {
  return (
    <>
      <InvitePeople roomId={roomId} />
      <InviteLinks roomId={roomId} />
    </>
  );
}
