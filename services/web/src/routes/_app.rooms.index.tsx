import { createFileRoute } from "@tanstack/react-router";
import { NoRoom } from "~/features/rooms/NoRoom";

export const Route = createFileRoute("/_app/rooms/")({ component: NoRoom });
