import { createFileRoute } from "@tanstack/react-router";
import { toRoomsIfSignedIn } from "~/features/sign-in/guards";
import { SignIn } from "~/features/sign-in/SignIn";

export const Route = createFileRoute("/sign-in")({
  validateSearch: (search: Record<string, unknown>): { from?: string } => (typeof search.from === "string" ? { from: search.from } : {}),
  beforeLoad: ({ context, search }) => toRoomsIfSignedIn(context.client, search.from),
  component: () => <SignIn from={Route.useSearch().from} />,
});
