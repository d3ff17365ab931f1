import { createFileRoute } from "@tanstack/react-router";
import ThreadsPage from "~/features/search/ThreadsPage";

export const Route = createFileRoute("/_app/rooms/threads")({ component: ThreadsPage });
