import { createFileRoute } from "@tanstack/react-router";
import SearchPage from "~/features/search/SearchPage";

export const Route = createFileRoute("/_app/rooms/search")({
  validateSearch: (search: Record<string, unknown>): { q?: string } => (typeof search.q === "string" ? { q: search.q } : {}),
  component: () => <SearchPage query={Route.useSearch().q ?? ""} />,
});
