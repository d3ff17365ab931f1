import { createFileRoute } from "@tanstack/react-router";
import { RoomSettingsPage } from "~/features/room-settings/RoomSettingsPage";

export const Route = createFileRoute("/_app/rooms_/$roomId/settings/")({
  component: () => <RoomSettingsPage roomId={Route.useParams().roomId} section={undefined} />,
});
