import { createFileRoute } from "@tanstack/react-router";
import { AdminPage } from "~/features/admin/AdminPage";

export const Route = createFileRoute("/_app/administration/$section")({
  // Filters of the log.
  validateSearch: (search: Record<string, unknown>): { user?: string; kind?: string } => ({
    ...(typeof search.user === "string" && { user: search.user }),
    ...(typeof search.kind === "string" && { kind: search.kind }),
  }),
  component: () => <AdminPage section={Route.useParams().section} />,
});
