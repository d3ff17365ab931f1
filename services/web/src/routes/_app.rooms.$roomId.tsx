import { createFileRoute } from "@tanstack/react-router";
import { RoomPage } from "~/features/rooms/RoomPage";
import { parseRoomSearch } from "~/features/rooms/room-search";

export const Route = createFileRoute("/_app/rooms/$roomId")({ validateSearch: parseRoomSearch, component: Page });

function Page() {
  const { roomId } = Route.useParams();
  // Another room is another page: nothing of the one before stays.
  return <RoomPage key={roomId} roomId={roomId} />;
}
