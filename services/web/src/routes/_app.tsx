import { createFileRoute } from "@tanstack/react-router";
import { AppFrame } from "~/features/app/AppFrame";
import { toSignInUnlessSignedIn } from "~/features/sign-in/guards";

/** Everything that needs somebody to be signed in. */
export const Route = createFileRoute("/_app")({
  beforeLoad: ({ context, location }) => toSignInUnlessSignedIn(context.client, location.href),
  component: AppFrame,
});
