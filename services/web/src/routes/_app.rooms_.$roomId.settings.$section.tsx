import { createFileRoute } from "@tanstack/react-router";
import { RoomSettingsPage } from "~/features/room-settings/RoomSettingsPage";

export const Route = createFileRoute("/_app/rooms_/$roomId/settings/$section")({
  component: () => {
    const { roomId, section } = Route.useParams();
    return <RoomSettingsPage roomId={roomId} section={section} />;
  },
});
