import { createFileRoute } from "@tanstack/react-router";
import MentionsPage from "~/features/search/MentionsPage";

export const Route = createFileRoute("/_app/rooms/mentions")({ component: MentionsPage });
