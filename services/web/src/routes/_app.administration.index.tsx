import { createFileRoute } from "@tanstack/react-router";
import { AdminPage } from "~/features/admin/AdminPage";

/** Not /admin: that is the API. */
export const Route = createFileRoute("/_app/administration/")({ component: () => <AdminPage section={undefined} /> });
