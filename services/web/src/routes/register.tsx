import { createFileRoute } from "@tanstack/react-router";
import { toRoomsIfSignedIn } from "~/features/sign-in/guards";
import { Register } from "~/features/sign-in/Register";

export const Route = createFileRoute("/register")({
  validateSearch: (search: Record<string, unknown>): { from?: string; invitation?: string } => ({
    ...(typeof search.from === "string" && { from: search.from }),
    ...(typeof search.invitation === "string" && { invitation: search.invitation }),
  }),
  beforeLoad: ({ context, search }) => toRoomsIfSignedIn(context.client, search.from),
  component: RegisterPage,
});

function RegisterPage() {
  const { from, invitation } = Route.useSearch();
  return <Register from={from} invitation={invitation} />;
}
